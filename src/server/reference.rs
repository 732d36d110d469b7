//! `/docs`: what there is to ask, for people. The same description that programs read, as one page without a script.

use std::{fmt::Write as _, sync::LazyLock};

use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Map, Value};

use super::{openapi, page};

const STYLE: &str = include_str!("page/reference.css");

/// Made once: it is the same for everybody.
static PAGE: LazyLock<String> = LazyLock::new(|| html(&openapi::description()));

pub async fn page(request: HttpRequest) -> HttpResponse {
    page::file(&request, &PAGE, "text/html; charset=utf-8")
}

pub async fn style(request: HttpRequest) -> HttpResponse {
    page::file(&request, STYLE, "text/css; charset=utf-8")
}

/// Writing into a String cannot fail.
fn html(description: &Value) -> String {
    let mut page = String::from(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>pagestream: what there is to ask</title><link rel=\"icon\" href=\"/icon.svg\"><link rel=\"stylesheet\" href=\"/docs.css\"></head>\
         <body><header><h1>What there is to ask</h1><p>The same for programs: <a href=\"/openapi.json\">/openapi.json</a>. Where the \
         server asks for keys, send <code>Authorization: Bearer KEY</code>. What is refused comes as <a href=\"#Problem\">problem details</a> \
         (RFC 9457), whose <code>code</code> stays the same.</p></header><main>",
    );
    let operations: Vec<_> = operations(description).collect();
    page.push_str("<nav aria-label=\"All requests\"><ul>");
    for operation in &operations {
        let _ = write!(page, "<li><a href=\"#{}\">{}</a></li>", operation.anchor(), operation.name());
    }
    page.push_str("</ul></nav>");
    operations.iter().for_each(|operation| operation.write(&mut page));
    page.push_str("<h2>What is sent and answered</h2>");
    for (name, schema) in entries(&description["components"]["schemas"]) {
        let _ = write!(page, "<section id=\"{0}\"><h3>{0}</h3>", escaped(name));
        paragraph(&mut page, &schema["description"]);
        properties(&mut page, schema);
        page.push_str("</section>");
    }
    page.push_str("</main></body></html>");
    page
}

struct Operation<'a> {
    method: &'a str,
    path: &'a str,
    body: &'a Value,
}

fn operations(description: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = entries(&description["paths"]);
    paths.flat_map(|(path, methods)| entries(methods).map(move |(method, body)| Operation { method, path, body }))
}

impl Operation<'_> {
    fn name(&self) -> String {
        format!("<code>{} {}</code>", self.method.to_uppercase(), escaped(self.path))
    }

    fn anchor(&self) -> String {
        let path = self.path.trim_start_matches('/').replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        format!("{}-{path}", self.method)
    }

    fn write(&self, page: &mut String) {
        let _ = write!(page, "<section id=\"{}\"><h2>{}</h2>", self.anchor(), self.name());
        paragraph(page, &self.body["summary"]);
        paragraph(page, &self.body["description"]);
        let parameters = self.body["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        if !parameters.is_empty() {
            page.push_str(
                "<table><caption>Parameters</caption><thead><tr><th>Name<th>Where<th>Type<th>What it is</thead><tbody>",
            );
            for parameter in parameters {
                let _ = write!(
                    page,
                    "<tr><th scope=\"row\"><code>{}</code><td>{}<td>{}<td>{}",
                    text(&parameter["name"]),
                    text(&parameter["in"]),
                    kind(&parameter["schema"]),
                    text(&parameter["description"])
                );
            }
            page.push_str("</tbody></table>");
        }
        for (content, what) in entries(&self.body["requestBody"]["content"]) {
            let _ = write!(page, "<p>Body: <code>{}</code> {}</p>", escaped(content), kind(&what["schema"]));
        }
        page.push_str("<table><caption>Answers</caption><thead><tr><th>Status<th>Body<th>What it says</thead><tbody>");
        for (status, answer) in entries(&self.body["responses"]) {
            let _ = write!(page, "<tr><th scope=\"row\">{}<td>", escaped(status));
            for (content, what) in entries(&answer["content"]) {
                let _ = write!(page, "<code>{}</code> {} ", escaped(content), kind(&what["schema"]));
            }
            let _ = write!(page, "<td>{}", text(&answer["description"]));
        }
        page.push_str("</tbody></table></section>");
    }
}

/// The fields of an object, also of one that is made of several; the values of an enumeration.
fn properties(page: &mut String, schema: &Value) {
    let parts = ["allOf", "oneOf", "anyOf"].into_iter().filter_map(|all| schema[all].as_array()).flatten();
    parts.for_each(|part| properties(page, part));
    if schema["enum"].is_array() {
        let _ = write!(page, "<p>{}</p>", kind(schema));
        paragraph_of_one(page, schema);
    }
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut fields = entries(&schema["properties"]).peekable();
    if fields.peek().is_none() {
        return;
    }
    page.push_str("<table><thead><tr><th>Field<th>Type<th>What it is</thead><tbody>");
    for (name, field) in fields {
        let optional = if required.contains(&name) { "" } else { " <small>may be absent</small>" };
        let (name, what) = (escaped(name), text(&field["description"]));
        let _ = write!(page, "<tr><th scope=\"row\"><code>{name}</code>{optional}<td>{}<td>{what}", kind(field));
    }
    page.push_str("</tbody></table>");
}

/// What one of several enumerations says of itself.
fn paragraph_of_one(page: &mut String, schema: &Value) {
    if schema["enum"].as_array().is_some_and(|values| values.len() == 1) {
        paragraph(page, &schema["description"]);
    }
}

/// A type in a few words, with the way to its own section.
fn kind(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return format!("<a href=\"#{0}\">{0}</a>", escaped(name));
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<_> = values.iter().map(|value| format!("<code>{}</code>", text(value))).collect();
        return values.join(" ");
    }
    let of_several = ["oneOf", "anyOf", "allOf"].into_iter().find_map(|all| schema[all].as_array());
    if let Some(several) = of_several {
        let several: Vec<_> = several.iter().filter(|one| one["type"] != "null").map(kind).collect();
        return several.join(" or ");
    }
    let name = match &schema["type"] {
        Value::Array(several) => several.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("any"),
        one => one.as_str().unwrap_or("any"),
    };
    match name {
        "array" => format!("list of {}", kind(&schema["items"])),
        name => escaped(name),
    }
}

fn entries(object: &Value) -> impl Iterator<Item = (&str, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter).map(|(name, value)| (name.as_str(), value))
}

fn paragraph(page: &mut String, value: &Value) {
    if value.as_str().is_some_and(|words| !words.is_empty()) {
        let _ = write!(page, "<p>{}</p>", text(value));
    }
}

/// A text for HTML, what stands between backticks as code.
fn text(value: &Value) -> String {
    let words = value.as_str().unwrap_or_default();
    let part = |(i, part): (usize, &str)| match i % 2 {
        0 => escaped(part),
        _ => format!("<code>{}</code>", escaped(part)),
    };
    words.split('`').enumerate().map(part).collect()
}

fn escaped(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
