//! Recognises documents: a tool's result, or an announced output, that is what a search found.
//!
//! The shapes are those that frameworks and stores write: `LangChain`, `LlamaIndex`, Haystack, Chroma,
//! `OpenAI`'s file search, Pinecone, Qdrant, Elasticsearch, Cohere's and other rerankers. A list of
//! ordinary records is none: an item needs what only a document has, or a text and a score. Each
//! shape may also be written as Python writes it.

use super::python;
use crate::model::Document;
use crate::text::json::{Json, Kind, Ref};

/// Keys that results stand under, outermost first.
const LISTS: &[&str] = &[
    "documents",
    "source_documents",
    "docs",
    "source_nodes",
    "nodes",
    "matches",
    "points",
    "hits",
    "passages",
    "chunks",
    "results",
    "result",
    "data",
    "context",
    "contexts",
    "output",
    "content",
];

/// Keys under which nothing but documents stands: a text and an id or metadata are enough there.
const NAMED: &[&str] = &["documents", "source_documents", "docs", "source_nodes", "passages", "chunks"];

/// Keys of a document's text, by preference.
const TEXTS: &[&str] = &["page_content", "pageContent", "text", "content", "chunk", "passage", "snippet", "document"];

/// Keys of its id.
const IDS: &[&str] =
    &["id", "_id", "id_", "doc_id", "document_id", "node_id", "chunk_id", "file_id", "uuid", "point_id"];

/// Keys of its score.
const SCORES: &[&str] =
    &["score", "_score", "relevance_score", "similarity", "similarity_score", "distance", "@search.score"];

/// Keys of its metadata.
const METADATA: &[&str] = &["metadata", "meta", "extra_info", "payload", "attributes", "cmetadata"];

/// Keys of an object that holds the document itself.
const HOLDERS: &[&str] = &["node", "document", "_source", "payload", "kwargs", "doc", "chunk", "metadata"];

/// How many wrappings are looked through.
const LEVELS: usize = 4;

/// The documents that this text is a list of; `None` if it is anything else.
#[must_use]
pub fn documents(text: &str) -> Option<Vec<Document>> {
    let begins = text.trim_start();
    let json = match Json::parse_text(text) {
        Ok(json) => json,
        Err(_) if begins.starts_with(['[', '{']) || begins.starts_with("Document(") => {
            Json::parse_text(&python::to_json(text)?).ok()?
        }
        Err(_) => return None,
    };
    within(json.root(), "", LEVELS)
}

fn within(value: Ref<'_>, key: &str, levels: usize) -> Option<Vec<Document>> {
    if levels == 0 {
        return None;
    }
    match value.kind() {
        // A result that was written as JSON twice, or a text part (MCP) that holds JSON.
        Kind::String => {
            let inside = Json::parse_text(&value.as_str()?).ok()?;
            let container = matches!(inside.root().kind(), Kind::Array | Kind::Object);
            container.then(|| within(inside.root(), key, levels - 1)).flatten()
        }
        Kind::Array => list(value, key).or_else(|| only_text(value).and_then(|text| within(text, "", levels - 1))),
        Kind::Object => parallel(value).or_else(|| {
            LISTS.iter().find_map(|key| {
                let inside = value.get(key)?;
                let bare = value.len() == 1 && *key == "documents" && inside.kind() == Kind::Array && inside.is_empty();
                if bare { Some(Vec::new()) } else { within(inside, key, levels - 1) }
            })
        }),
        _ => None,
    }
}

/// The text of a list that is one text part.
fn only_text(list: Ref<'_>) -> Option<Ref<'_>> {
    let part = list.at(0).filter(|_| list.len() == 1)?;
    part.get("text").filter(|_| part.text("type").as_deref() == Some("text"))
}

fn list(list: Ref<'_>, key: &str) -> Option<Vec<Document>> {
    if list.is_empty() {
        return None;
    }
    list.items().map(|item| document(item, NAMED.contains(&key))).collect()
}

/// Ids, texts and scores in lists beside each other, of one query or of several (Chroma).
fn parallel(value: Ref<'_>) -> Option<Vec<Document>> {
    let (ids, texts) = (value.get("ids")?, value.get("documents")?);
    if ids.kind() != Kind::Array || texts.kind() != Kind::Array {
        return None;
    }
    let flat = |list: Ref<'_>| -> Vec<u32> {
        let nested = list.items().any(|item| item.kind() == Kind::Array);
        let items = list.items();
        if nested { items.flat_map(Ref::items).map(Ref::index).collect() } else { items.map(Ref::index).collect() }
    };
    let of = |key: &str| value.get(key).filter(|list| list.kind() == Kind::Array).map(flat).unwrap_or_default();
    let (ids, texts, scores, metadata) = (flat(ids), flat(texts), of("distances"), of("metadatas"));
    if ids.len() != texts.len() {
        return None;
    }
    let at = |list: &[u32], place: usize| list.get(place).map(|index| value.doc().value(*index));
    (0..ids.len())
        .map(|place| {
            let id = at(&ids, place)?;
            let text = at(&texts, place)?;
            Some(Document {
                id: Some(plain(id)),
                text: if text.is_null() { String::new() } else { text.as_str()?.into_owned() },
                score: at(&scores, place).filter(|score| score.kind() == Kind::Number).map(plain),
                metadata: at(&metadata, place).filter(|found| !found.is_null()).map(plain),
            })
        })
        .collect()
}

fn document(item: Ref<'_>, named: bool) -> Option<Document> {
    // A document and its score, as a pair (`LangChain`).
    if item.kind() == Kind::Array {
        let (inside, score) = (item.at(0)?, item.at(1)?);
        if item.len() != 2 || score.kind() != Kind::Number {
            return None;
        }
        let score = plain(score);
        return document(inside, true).map(|document| Document { score: Some(score), ..document });
    }
    if item.kind() != Kind::Object {
        return None;
    }
    let holder = HOLDERS.iter().find_map(|key| item.get(key).filter(|holder| holder.kind() == Kind::Object));
    let score = SCORES.iter().find_map(|key| item.get(key).filter(|score| score.kind() == Kind::Number));
    let (from, text) = match text(item) {
        Some(text) => (item, text),
        None => (holder?, text(holder?)?),
    };
    let metadata = |of: Ref<'_>| METADATA.iter().find_map(|key| object(of, key)).map(plain);
    let id = |of: Ref<'_>| {
        let usable = |id: &Ref<'_>| matches!(id.kind(), Kind::String | Kind::Number);
        IDS.iter().find_map(|key| of.get(key).filter(usable)).map(plain)
    };
    let found = Document {
        id: id(from).or_else(|| id(item)),
        text,
        score: score.map(plain),
        metadata: metadata(from).or_else(|| metadata(item)).or_else(|| rest(from)),
    };
    let own = from.get("page_content").is_some()
        || (from.get("pageContent").is_some() && object(from, "metadata").is_some())
        || object(item, "node").is_some()
        || item.text("type").as_deref() == Some("search_result");
    let told = named && (found.id.is_some() || METADATA.iter().any(|key| object(from, key).is_some()));
    let scored = score.is_some() && !chore(item);
    (own || told || scored).then_some(found)
}

/// Whether a record says that it is something to do, or someone's work, beside its score.
fn chore(item: Ref<'_>) -> bool {
    ["done", "completed", "due", "student", "grade", "votes", "likes", "by", "role"]
        .iter()
        .any(|key| item.get(key).is_some())
}

fn object<'a>(of: Ref<'a>, key: &str) -> Option<Ref<'a>> {
    of.get(key).filter(|found| found.kind() == Kind::Object)
}

fn text(of: Ref<'_>) -> Option<String> {
    TEXTS
        .iter()
        .find_map(|key| {
            let found = of.get(key)?;
            match found.kind() {
                Kind::String => found.as_str().map(std::borrow::Cow::into_owned),
                // Parts, as OpenAI's vector stores and Anthropic's search results have them.
                Kind::Array if !found.is_empty() => {
                    let parts: Option<Vec<String>> = found.items().map(|part| part.text("text")).collect();
                    parts.map(|parts| parts.join("\n"))
                }
                _ => None,
            }
        })
        .or_else(|| of.get("text_resource")?.text("text"))
}

/// The members of a flat record that are none of id, text and score.
fn rest(item: Ref<'_>) -> Option<String> {
    let taken = |key: &str| TEXTS.contains(&key) || IDS.contains(&key) || SCORES.contains(&key) || key == "type";
    let members: Vec<String> = item
        .items()
        .filter(|member| !member.is_null() && !member.key().is_some_and(|key| taken(&String::from_utf8_lossy(&key))))
        .map(|member| String::from_utf8_lossy(&item.doc().bytes()[member.member_span()]).into_owned())
        .collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}

fn plain(value: Ref<'_>) -> String {
    value.as_str().unwrap_or_else(|| value.raw_str()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str, &str, &str)]) {
        let found = documents(text).unwrap_or_else(|| panic!("no documents: {text}"));
        let found: Vec<(&str, &str, &str, &str)> = found
            .iter()
            .map(|document| {
                let said = |part: &'_ Option<String>| {
                    part.as_deref().map_or("-", |part| -> &str { Box::leak(part.to_owned().into_boxed_str()) })
                };
                (said(&document.id), document.text.as_str(), said(&document.score), said(&document.metadata))
            })
            .collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn the_shapes_of_frameworks_are_documents() {
        check(
            r#"[{"id":"d1","page_content":"a","metadata":{"source":"x"},"type":"Document"},{"page_content":"b","metadata":{}}]"#,
            &[("d1", "a", "-", r#"{"source":"x"}"#), ("-", "b", "-", "{}")],
        );
        check(r#"{"documents":[{"pageContent":"a","metadata":{"k":1}}]}"#, &[("-", "a", "-", r#"{"k":1}"#)]);
        check(r#"{"lc":1,"documents":[[{"page_content":"a"},0.25]]}"#, &[("-", "a", "0.25", "-")]);
        check(
            r#"[{"lc":1,"type":"constructor","id":["langchain","Document"],"kwargs":{"page_content":"a","metadata":{"k":1},"type":"Document"}}]"#,
            &[("-", "a", "-", r#"{"k":1}"#)],
        );
        check(
            r#"{"response":"r","source_nodes":[{"node":{"id_":"n1","text":"a","metadata":{"f":"g"},"class_name":"TextNode"},"score":0.8}]}"#,
            &[("n1", "a", "0.8", r#"{"f":"g"}"#)],
        );
        check(
            r#"[{"node":{"id_":"n1","text_resource":{"text":"a"},"metadata":{}},"score":null}]"#,
            &[("n1", "a", "-", "{}")],
        );
    }

    #[test]
    fn the_shapes_of_stores_are_documents() {
        check(
            r#"{"documents":[{"id":"h1","content":"a","score":0.5,"meta":{"m":1},"embedding":null}]}"#,
            &[("h1", "a", "0.5", r#"{"m":1}"#)],
        );
        check(r#"[{"id":7,"text":"a","score":1.50,"url":"u"}]"#, &[("7", "a", "1.50", r#"{"url":"u"}"#)]);
        check(
            r#"{"ids":[["a","b"]],"documents":[["x","y"]],"metadatas":[[{"k":1},null]],"distances":[[0.1,0.2]]}"#,
            &[("a", "x", "0.1", r#"{"k":1}"#), ("b", "y", "0.2", "-")],
        );
        check(r#"{"ids":["a"],"documents":["x"]}"#, &[("a", "x", "-", "-")]);
        check(r#"{"ids":[[]],"documents":[[]]}"#, &[]);
        check(r#"{"documents":[]}"#, &[]);
        check(
            r#"{"object":"vector_store.search_results.page","data":[{"file_id":"f","filename":"n","score":0.9,"attributes":{},"content":[{"type":"text","text":"a"}]}]}"#,
            &[("f", "a", "0.9", "{}")],
        );
        check(
            r#"{"matches":[{"id":"p","score":0.3,"metadata":{"text":"a"}}]}"#,
            &[("p", "a", "0.3", r#"{"text":"a"}"#)],
        );
        check(r#"{"hits":[{"_id":"e","_score":2,"_source":{"content":"a","l":1}}]}"#, &[("e", "a", "2", r#"{"l":1}"#)]);
        check(r#"{"results":[{"index":0,"relevance_score":0.7,"document":{"text":"a"}}]}"#, &[("-", "a", "0.7", "-")]);
        check(
            r#"{"content":[{"type":"text","text":"[{\"page_content\":\"a\"}]"}],"isError":false}"#,
            &[("-", "a", "-", "-")],
        );
    }

    #[test]
    fn what_python_prints_is_read_too() {
        check(
            r#"[Document(id='d1', metadata={'source': 'x', 'page': None}, page_content="it's"), Document(metadata={}, page_content='b')]"#,
            &[("d1", "it's", "-", r#"{"source":"x","page":null}"#), ("-", "b", "-", "{}")],
        );
        check("[(Document(metadata={}, page_content='b'), 0.25)]", &[("-", "b", "0.25", "{}")]);
        check("[{'id': 1, 'text': 'a', 'score': 0.5}]", &[("1", "a", "0.5", "-")]);
        assert_eq!(documents("[{'id': 1, 'name': 'a'}]"), None);
        assert_eq!(documents("[not a list]"), None);
    }

    #[test]
    fn ordinary_records_are_none() {
        for text in [
            r#"[{"id":1,"content":"buy milk","done":false}]"#,
            r#"[{"id":1,"text":"a tweet","likes":3}]"#,
            r#"[{"id":1,"title":"x","score":3}]"#,
            r#"[{"id":1,"text":"essay","score":3,"student":"s"}]"#,
            r#"[{"type":"text","text":"hello"}]"#,
            r#"{"content":[{"type":"text","text":"hello"}]}"#,
            r#"{"messages":[{"role":"user","content":"hi"}]}"#,
            r#"{"data":[{"name":"a","value":1}]}"#,
            r#"{"documents":"none"}"#,
            r#"{"documents":[{"name":"a.txt"}]}"#,
            r#"{"results":[]}"#,
            r#"[{"page_content":"a"},{"name":"b"}]"#,
            r#"{"ids":["a"],"documents":[]}"#,
            "[]",
            "[1,2]",
            "plain text",
            "\"text\"",
            "{\"a\":1",
        ] {
            assert_eq!(documents(text), None, "{text}");
        }
    }
}
