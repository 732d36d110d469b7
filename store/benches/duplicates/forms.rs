//! Pages of one form with other values. Five forms for the choice of thresholds, and five others.

use super::noise::Random;

type Form = fn(u64) -> String;

pub fn of_half(half: usize) -> [Form; 5] {
    if half == 0 {
        [invoice, letter, report, manual, reminder]
    } else {
        [statement, notice, record_card, handbook, certificate]
    }
}

const GIVEN: [&str; 16] = [
    "Anna", "Peter", "Maria", "Johann", "Claire", "Robert", "Ewa", "Luca", "Sofia", "Henrik", "Amira", "Pavel",
    "Greta", "Tomas", "Irene", "Victor",
];
const FAMILY: [&str; 16] = [
    "Schneider",
    "Garcia",
    "Kowalski",
    "Martin",
    "Rossi",
    "Jensen",
    "Novak",
    "Haddad",
    "Okafor",
    "Brandt",
    "Fischer",
    "Dubois",
    "Lindgren",
    "Moretti",
    "Castillo",
    "Wagner",
];
const TOWNS: [&str; 12] =
    ["Hamburg", "Lyon", "Cracow", "Porto", "Bologna", "Aarhus", "Brno", "Ghent", "Seville", "Tallinn", "Graz", "Cork"];
const STREETS: [&str; 10] = [
    "Mill Lane",
    "Station Road",
    "Church Street",
    "Harbour Street",
    "Garden Road",
    "High Street",
    "Park Avenue",
    "Bridge Street",
    "Castle Hill",
    "Market Square",
];
const GOODS: [&str; 12] = [
    "hinge, brass",
    "door handle, steel",
    "window latch",
    "wood screw, box of 100",
    "paint, white, 5 l",
    "sanding paper",
    "oak board",
    "pine board",
    "glue, 1 kg",
    "saw blade",
    "drill bit set",
    "work gloves",
];

fn amount(random: &mut Random, below: u64) -> String {
    format!("{}.{:02}", 1 + random.below(below), random.below(100))
}

fn date(random: &mut Random) -> String {
    format!("{:02}.{:02}.20{}", 1 + random.below(28), 1 + random.below(12), 18 + random.below(8))
}

fn invoice(seed: u64) -> String {
    let mut r = Random::new(seed);
    let mut text = format!(
        "Northern Joinery Supplies Ltd\n14 Quay Road, Newcastle NE1 3DX\n\nInvoice no. {}\nDate of invoice: {}\nCustomer no. {}\n\n{} {}\n{} {}\n{}\n\nWe thank \
         you for your order and invoice the goods named below as agreed:\n\nItem  Quantity  Unit price  Amount\n",
        10_000 + r.below(90_000),
        date(&mut r),
        100 + r.below(9_000),
        r.of(&GIVEN),
        r.of(&FAMILY),
        1 + r.below(120),
        r.of(&STREETS),
        r.of(&TOWNS)
    );
    // The same goods for all: only the values differ.
    for good in &GOODS[..4] {
        let quantity = 1 + r.below(40);
        let (price, sum) = (amount(&mut r, 60), amount(&mut r, 900));
        text += &format!("{good}  {quantity}  {price}  {sum}\n");
    }
    text + &format!(
        "\nNet amount {}\nValue added tax 20% {}\nTotal due {}\n\nPlease pay within 30 days to the account named below without any deduction. The goods remain our \
         property until they have been paid in full. Complaints about visible defects must reach us in writing within eight days of \
         delivery.\n\nBank: Tyne Savings Bank, account 20 44 81 17, sort code 40-12-09\nCompany registration 04418823, VAT GB 881 2204 19\n",
        amount(&mut r, 3_000),
        amount(&mut r, 600),
        amount(&mut r, 3_600)
    )
}

/// A letter in which only the name, the address, and one date differ.
fn letter(seed: u64) -> String {
    let mut r = Random::new(seed);
    let (given, family) = (r.of(&GIVEN), r.of(&FAMILY));
    format!(
        "Municipal Library\nReaders' Services\n\n{given} {family}\n{} {}\n{}\n\n{}\n\nDear {given} {family},\n\nyour reader's card runs out at the end of next month. If you wish \
         to go on borrowing books, recordings and games from our branches, please come to the desk of any branch with a document that \
         shows your present address. The fee for a year has not changed; pupils, students and those who receive benefits pay half, \
         and children read without a fee. Books that are still on loan when the card runs out must be given back by that day, or \
         renewed beforehand. You may also renew your card in our branches on Saturdays, when the desks are open until the early \
         afternoon. We would be glad to count you among our readers again.\n\nYours sincerely,\nReaders' Services\n",
        1 + r.below(120),
        r.of(&STREETS),
        r.of(&TOWNS),
        date(&mut r)
    )
}

/// A laboratory report: fixed words, and a column of numbers.
fn report(seed: u64) -> String {
    let mut r = Random::new(seed);
    let mut text = format!(
        "Institute for Water Analysis\nReport on the examination of drinking water\n\nSample {} taken at {} on {}\n\nParameter  Unit  Limit  Found\n",
        1000 + r.below(9000),
        r.of(&TOWNS),
        date(&mut r)
    );
    for (name, limit) in [
        ("Temperature degrees", 25),
        ("Conductivity microsiemens", 2790),
        ("Ammonium milligrams", 1),
        ("Nitrate milligrams", 50),
        ("Nitrite milligrams", 1),
        ("Iron micrograms", 200),
        ("Manganese micrograms", 50),
        ("Chloride milligrams", 250),
        ("Sulphate milligrams", 250),
        ("Sodium milligrams", 200),
        ("Colony count at 22 degrees", 100),
        ("Colony count at 36 degrees", 100),
    ] {
        text += &format!("{name} per litre  {limit}  {}\n", amount(&mut r, limit));
    }
    text + "\nThe sample meets the requirements of the ordinance in the parameters that were examined. The report may be copied only as a \
            whole. The results refer to the sample as it was received by the laboratory.\n"
}

fn statement(seed: u64) -> String {
    let mut r = Random::new(seed);
    let mut text = format!(
        "Coastal Mutual Bank\nStatement of account no. {}\nAccount holder: {} {}, {} {}, {}\nPeriod ending {}\n\nDate  Details  Amount  Balance\n",
        1 + r.below(400),
        r.of(&GIVEN),
        r.of(&FAMILY),
        1 + r.below(90),
        r.of(&STREETS),
        r.of(&TOWNS),
        date(&mut r)
    );
    for entry in [
        "Standing order rent",
        "Salary payment",
        "Card payment groceries",
        "Direct debit electricity",
        "Cash withdrawal",
        "Insurance premium",
    ] {
        text += &format!("{}  {entry}  {}  {}\n", date(&mut r), amount(&mut r, 2_000), amount(&mut r, 9_000));
    }
    text + "\nPlease check the entries of this statement. Objections to a closing balance must be raised within six weeks after it \
            was received; the balance counts as approved if none is raised in time. Deposits are protected by the statutory scheme up \
            to the amount of 100,000 for each depositor.\n"
}

/// One amount, one name and one number differ.
fn reminder(seed: u64) -> String {
    let mut r = Random::new(seed);
    format!(
        "Green Valley Gardening Club\n\nDear {} {},\n\nmay we remind you that the yearly contribution of {} for plot {} has not reached us yet. Perhaps it has escaped your \
         notice among all the work that the garden asks for in these weeks. We would be grateful if you could transfer it by the end \
         of the month, since the club must pay for the water and for the repair of the northern fence before the summer. If you have \
         paid in the meantime, please take this letter as void. Those who find it hard to pay the sum at once may talk to the \
         treasurer, who will certainly find a way; nobody has lost a plot for that reason as long as the club has been there.\n\nWith kind regards,\nthe \
         committee\n",
        r.of(&GIVEN),
        r.of(&FAMILY),
        amount(&mut r, 90),
        1 + r.below(200)
    )
}

fn record_card(seed: u64) -> String {
    let mut r = Random::new(seed);
    let mut text = format!(
        "Museum of Navigation, inventory of instruments\nInventory number {}/{}\nAcquired from {} {} of {}\n\n",
        1900 + r.below(100),
        1 + r.below(900),
        r.of(&GIVEN),
        r.of(&FAMILY),
        r.of(&TOWNS)
    );
    for measure in ["height", "width", "depth", "diameter of the limb", "length of the index arm"] {
        text += &format!("{measure} in millimetres: {}\n", 10 + r.below(600));
    }
    text += &format!(
        "weight in grams: {}\nestimated value: {}\nplace: room {}, case {}\n",
        100 + r.below(8000),
        100 * r.below(900),
        1 + r.below(30),
        1 + r.below(60)
    );
    text + "\nMaterial: brass, silver, glass, ebony. Condition: complete, the lacquer worn where it was held, one shade glass replaced in \
            later times. Handling only with gloves; to be kept at a constant humidity and away from daylight. See the file for the \
            correspondence about the purchase and for earlier photographs.\n"
}

const THINGS: [&str; 24] = [
    "valve",
    "filter",
    "counter",
    "register",
    "channel",
    "buffer",
    "gateway",
    "sensor",
    "relay",
    "pump",
    "display",
    "keypad",
    "antenna",
    "battery",
    "encoder",
    "amplifier",
    "router",
    "printer",
    "scanner",
    "heater",
    "cooler",
    "mixer",
    "feeder",
    "conveyor",
];
const KINDS: [&str; 16] = [
    "primary",
    "secondary",
    "upper",
    "lower",
    "remote",
    "local",
    "internal",
    "external",
    "serial",
    "parallel",
    "manual",
    "automatic",
    "digital",
    "analogue",
    "single",
    "double",
];
const DEEDS: [&str; 16] = [
    "starts", "stops", "resets", "opens", "closes", "locks", "tests", "measures", "reports", "enables", "disables",
    "loads", "clears", "copies", "prints", "selects",
];

/// A page of a reference manual: one template, a fifth to a third of the words others, and no number.
fn manual(seed: u64) -> String {
    let mut r = Random::new(seed);
    let (thing, kind, deed) = (r.of(&THINGS), r.of(&KINDS), r.of(&DEEDS));
    let mut text = format!(
        "Command reference\n\nThe {kind} {thing} command\n\nDescription: {deed} the {kind} {thing} and reports its state.\n\nParameters\n"
    );
    for name in ["name", "mode", "time", "target"] {
        text += &format!(
            "{name}: the {name} of the {} {} that the command {}; it is required where the {} {} is in use\n",
            r.of(&KINDS),
            r.of(&THINGS),
            r.of(&DEEDS),
            r.of(&KINDS),
            r.of(&THINGS)
        );
    }
    text + &format!(
        "\nReturn value: zero where the command succeeds, otherwise an error code as in the appendix.\nRemarks: the command must not be used while the \
         {} {} is being serviced. It {} the {} {} only where the user has the right to do so.\nSee also: {} {}, {} {}, {} {}\n",
        r.of(&KINDS),
        r.of(&THINGS),
        r.of(&DEEDS),
        r.of(&KINDS),
        r.of(&THINGS),
        r.of(&KINDS),
        r.of(&THINGS),
        r.of(&KINDS),
        r.of(&THINGS),
        r.of(&KINDS),
        r.of(&THINGS)
    )
}

/// A page of a handbook of offices: a template in which a word here and there is another.
fn handbook(seed: u64) -> String {
    let mut r = Random::new(seed);
    let (thing, kind) = (r.of(&THINGS), r.of(&KINDS));
    let mut text = format!(
        "Maintenance handbook\n\nReplacing the {kind} {thing}\n\nTools: screwdriver, clean cloth, spare {thing}\n\n"
    );
    for part in ["cover", "bracket", "cable", "seal", "frame"] {
        text += &format!(
            "Switch the unit off and wait until the {} {} has come to rest. Loosen the {part} of the {} {} and lay it aside. Check the {part} for wear before you go on.\n",
            r.of(&KINDS),
            r.of(&THINGS),
            r.of(&KINDS),
            r.of(&THINGS)
        );
    }
    text + &format!(
        "Fit the new {thing} in the reverse order. Make sure that the {} {} moves freely, and note the exchange in the log of the unit.\n",
        r.of(&KINDS),
        r.of(&THINGS)
    )
}

/// One date, one time, one town and one number differ.
fn notice(seed: u64) -> String {
    let mut r = Random::new(seed);
    format!(
        "Regional Waterworks\nNotice of an interruption of supply\n\nOn {} from {}:{:02} the supply of water in {} will be interrupted for about {} hours, because a main is to \
         be joined to the network. Please fill the vessels that you need beforehand, and keep taps closed while the work goes on. \
         When the supply comes back the water may be cloudy for a short time; let it run until it is clear before you use it for \
         cooking or washing. Boilers and washing machines should be switched off meanwhile. We ask for your understanding and will \
         do what we can to keep the interruption short. Our service is there day and night for questions.\n",
        date(&mut r),
        6 + r.below(12),
        r.below(60),
        r.of(&TOWNS),
        2 + r.below(7)
    )
}

/// A name, a course and two dates differ.
fn certificate(seed: u64) -> String {
    let mut r = Random::new(seed);
    format!(
        "Academy of Crafts\n\nCertificate\n\n{} {} of {} took part in the course on the {} {} from {} to {} and passed the examination. The course comprised lessons in the \
         workshop and in the classroom, among them safety at work, reading of drawings, choice of tools and materials, care of \
         machines, and the reckoning of costs. The examination was held before the board of the academy and consisted of a piece of \
         work, a written part and a conversation. This certificate entitles the holder to carry the title of the academy.\n\nThe \
         board of examiners\n",
        r.of(&GIVEN),
        r.of(&FAMILY),
        r.of(&TOWNS),
        r.of(&KINDS),
        r.of(&THINGS),
        date(&mut r),
        date(&mut r)
    )
}
