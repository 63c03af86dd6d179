//! `/legal/{slug}`: terms, privacy, imprint and the like, as the shop wrote them.
use crate::Shop;
use crate::frame::{Frame, html};
use crate::stop::{Shown, Stop};
use crate::visitor::Visitor;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "legal.html")]
struct LegalPage {
    frame: Frame,
    title: String,
    paragraphs: Vec<String>,
}

/// The page.
pub async fn show(
    State(shop): State<Arc<Shop>>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Shown {
    let frame = Frame::at_place(&shop, &visitor, format!("legal:{slug}")).await;
    let found = frame.terms.pages.iter().find(|page| page.slug == slug).cloned();
    let Some(page) = found else { return Err(Stop::NotFound) };
    let paragraphs = paragraphs(&page.text);
    html(StatusCode::OK, &LegalPage { frame, title: page.title, paragraphs })
}

/// An empty line parts paragraphs.
fn paragraphs(text: &str) -> Vec<String> {
    let mut paragraphs = vec![String::new()];
    for line in text.lines().map(str::trim_end) {
        match paragraphs.last_mut() {
            Some(last) if !line.is_empty() => {
                if !last.is_empty() {
                    last.push('\n');
                }
                last.push_str(line);
            }
            _ => paragraphs.push(String::new()),
        }
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs
}

#[cfg(test)]
mod tests {
    use super::paragraphs;

    #[test]
    fn an_empty_line_parts_paragraphs() {
        assert_eq!(paragraphs("a\r\nb\r\n \r\n\r\nc\n"), ["a\nb", "c"]);
        assert!(paragraphs(" \n\n").is_empty());
    }
}
