//! Numbers and times as people write them.

use std::time::Duration;

/// `1 page`, `1,204 pages`.
pub fn count(number: usize, of: &str) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} {of}{}", if number == 1 { "" } else { "s" })
}

/// `0.4 s`, `12 s`, `4 min 12 s`, `3 h 5 min`.
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_people_do() {
        for (number, text) in [(0, "0 pages"), (1, "1 page"), (999, "999 pages"), (1204, "1,204 pages")] {
            assert_eq!(count(number, "page"), text);
        }
        assert_eq!(count(1_000_000, "document"), "1,000,000 documents");
        for (seconds, text) in [(0.42, "0.4 s"), (12.9, "12 s"), (252.0, "4 min 12 s"), (11_100.0, "3 h 5 min")] {
            assert_eq!(spoken(Duration::from_secs_f64(seconds)), text);
        }
    }
}
