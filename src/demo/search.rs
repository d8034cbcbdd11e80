//! Search over the guide: words, their stems, and BM25.

use std::collections::BTreeMap;

/// A document of the guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    /// Its id.
    pub(super) id: &'static str,
    /// Its title.
    pub(super) title: &'static str,
    /// Its text.
    pub(super) text: &'static str,
}

/// Saturation of a word's count, and how much a document's length matters; the values of the BM25 papers.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// Words that say nothing about what a text is about.
const STOP: &[&str] = &[
    "a", "about", "after", "all", "also", "an", "and", "any", "are", "as", "at", "be", "been", "but", "by", "can",
    "do", "does", "for", "from", "had", "has", "have", "how", "i", "if", "in", "is", "it", "its", "may", "me", "much",
    "must", "my", "no", "not", "of", "on", "or", "our", "own", "so", "take", "takes", "than", "that", "the", "their",
    "them", "there", "they", "this", "to", "up", "us", "was", "we", "were", "what", "when", "where", "which", "will",
    "with", "would", "you", "your",
];

/// The guide.
pub(super) fn guide() -> Vec<Page> {
    include_str!("guide.md")
        .split("\n\n")
        .filter_map(|section| {
            let (head, text) = section.trim().strip_prefix("# ")?.split_once('\n')?;
            let (id, title) = head.split_once(": ")?;
            Some(Page { id, title, text: text.trim() })
        })
        .collect()
}

/// The pages that answer a query best, with their scores, best first.
pub(super) fn search(pages: &[Page], query: &str, most: usize) -> Vec<(Page, f64)> {
    let texts: Vec<Vec<String>> = pages.iter().map(|page| stems(&format!("{} {}", page.title, page.text))).collect();
    let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    let mean = texts.iter().map(|text| count(text.len())).sum::<f64>() / count(pages.len().max(1));
    let mut wanted = stems(query);
    wanted.sort();
    wanted.dedup();
    let mut found: Vec<(Page, f64)> = pages
        .iter()
        .zip(&texts)
        .map(|(page, text)| {
            let score = wanted.iter().map(|word| {
                let holders = count(texts.iter().filter(|text| text.contains(word)).count());
                let rarity = (1.0 + (count(pages.len()) - holders + 0.5) / (holders + 0.5)).ln();
                let times = count(text.iter().filter(|other| *other == word).count());
                rarity * times * (K1 + 1.0) / (times + K1 * (1.0 - B + B * count(text.len()) / mean))
            });
            (*page, score.sum())
        })
        .filter(|(_, score)| *score > 0.0)
        .collect();
    found.sort_by(|left, right| right.1.total_cmp(&left.1));
    found.truncate(most);
    found
}

/// Words in lower case, as they stand.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// Stems of the words that say something.
pub(super) fn stems(text: &str) -> Vec<String> {
    words(text).filter(|word| !STOP.contains(&word.as_str())).map(|word| stem(&word)).collect()
}

/// A word without the commonest English endings; numbers are digits.
fn stem(word: &str) -> String {
    if let Some(number) = number(word) {
        return number.to_string();
    }
    for (ending, instead) in [("ies", "y"), ("ing", ""), ("ed", ""), ("es", ""), ("s", ""), ("e", "")] {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.len() >= 3
            && !(ending == "s" && rest.ends_with('s'))
        {
            return format!("{rest}{instead}");
        }
    }
    word.to_owned()
}

/// The number that a word means.
pub(super) fn number(word: &str) -> Option<u64> {
    const NAMES: [&str; 13] =
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    NAMES.iter().zip(0..).find(|(name, _)| **name == word).map(|(_, number)| number).or_else(|| word.parse().ok())
}

/// How rare each stem is among some texts: the fewer have it, the more it weighs.
pub(super) fn rarity(texts: &[Vec<String>]) -> BTreeMap<&str, f64> {
    let mut holders: BTreeMap<&str, f64> = BTreeMap::new();
    for text in texts {
        let mut seen: Vec<&str> = text.iter().map(String::as_str).collect();
        seen.sort_unstable();
        seen.dedup();
        for word in seen {
            *holders.entry(word).or_default() += 1.0;
        }
    }
    let all = f64::from(u32::try_from(texts.len()).unwrap_or(u32::MAX));
    for count in holders.values_mut() {
        *count = (1.0 + all / *count).ln();
    }
    holders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guide_is_whole() {
        let pages = guide();
        assert_eq!(pages.len(), 16);
        assert!(pages.iter().all(|page| !page.text.contains('\n') && page.text.ends_with('.')));
    }

    #[test]
    fn the_page_that_a_question_is_about_comes_first() {
        let pages = guide();
        for (query, expected) in [
            ("Can I take my dog?", "dogs"),
            ("When does the boat leave?", "timetable"),
            ("Where can we camp with a tent?", "sleeping"),
            ("Is the lighthouse open?", "lighthouse"),
            ("Are bicycles allowed on board?", "bicycles"),
        ] {
            let found = search(&pages, query, 3);
            assert_eq!(found.first().map(|(page, _)| page.id), Some(expected), "{query}");
        }
        assert!(search(&pages, "quantum", 3).is_empty());
    }

    #[test]
    fn endings_and_number_words_do_not_matter() {
        for (left, right) in [("bicycles", "bicycle"), ("crossing", "cross"), ("two", "2"), ("costs", "cost")] {
            assert_eq!(stem(left), stem(right));
        }
    }
}
