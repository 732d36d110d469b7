//! What a plan says, as a person reads it: in `doctor`, `models list` and `bench`.

use pagestream::plan::PlannedModel;

/// A line for each model of a plan, and under it why.
pub fn table(models: &[PlannedModel]) -> String {
    let width = |of: fn(&PlannedModel) -> String| models.iter().map(|model| of(model).len()).max().unwrap_or(0);
    let (name, id) = (width(|model| model.name.to_owned()), width(|model| model.id.clone()));
    let line = |model: &PlannedModel| {
        format!(
            "  {:name$}  {:id$}  {}, {}, {} on {}\n  {:name$}  {}\n",
            model.name, model.id, model.precision, model.from, model.library, model.device, "", model.why
        )
    };
    models.iter().map(line).collect()
}
