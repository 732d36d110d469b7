//! What the macros that make the description cannot say: a header that is not there has no value, rather than none.

use utoipa::{
    Modify,
    openapi::{
        OpenApi, RefOr, Required,
        path::ParameterIn,
        schema::{Schema, SchemaFormat, SchemaType, Type},
    },
};

pub struct Exact;

impl Modify for Exact {
    fn modify(&self, description: &mut OpenApi) {
        let items = description.paths.paths.values_mut();
        let operations = items.flat_map(|item| [&mut item.get, &mut item.post, &mut item.delete]).flatten();
        for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
            let RefOr::T(parameter) = parameter else { continue };
            let Some(RefOr::T(Schema::Object(schema))) = &mut parameter.schema else { continue };
            match (&parameter.parameter_in, parameter.name.as_str()) {
                (ParameterIn::Header, name) => {
                    parameter.required = Required::False;
                    schema.schema_type = SchemaType::Type(Type::String);
                    // `end` is the id of a document's last event; no id at all is as good as none.
                    schema.pattern = (name == "Last-Event-ID").then(|| "^([0-9]{0,18}|end)$".to_owned());
                    if name == "Idempotency-Key" {
                        (schema.min_length, schema.max_length) = (Some(1), Some(255));
                    }
                }
                (ParameterIn::Path, "id") => schema.format = Some(SchemaFormat::Custom("uuid".to_owned())),
                _ => {}
            }
        }
    }
}
