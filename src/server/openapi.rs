//! What there is to ask, for programs: OpenAPI 3.1, made of the handlers and their types.

use actix_web::HttpResponse;
use pagestream_documents::PageRecord;
use utoipa::{
    Modify, OpenApi,
    openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
};

use super::{documents, events, exact::Exact, health, pages, problem::Problem, queries, results, upload};

#[derive(OpenApi)]
#[openapi(
    info(title = "pagestream", description = "Documents in, pages out, as they are read.", license(name = "MIT OR Apache-2.0")),
    paths(
        upload::submit, documents::list, documents::show, documents::cancel, documents::remove, pages::list, pages::show, pages::image,
        results::result, events::of_document, events::of_all, queries::search, queries::similar, queries::duplicates, health::capacity,
        health::live, health::ready, health::metrics,
    ),
    components(schemas(Problem, PageRecord)),
    security((), ("key" = [])),
    modifiers(&Keys, &Exact),
)]
struct Description;

struct Keys;

impl Modify for Keys {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        description.components.get_or_insert_default().add_security_scheme("key", SecurityScheme::Http(bearer));
    }
}

pub async fn describe() -> HttpResponse {
    HttpResponse::Ok().json(Description::openapi())
}

/// The same as a value.
pub fn description() -> serde_json::Value {
    // What it is made of has no keys but strings.
    serde_json::to_value(Description::openapi()).unwrap_or_default()
}
