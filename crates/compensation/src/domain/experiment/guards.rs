//! Guard rails that a document cannot pass by: benefits for reviews, and metrics that grow with failures.

/// Parts of words about reviews, wherever they stand in a text in lower case: German and Swedish put words together.
const WITHIN: [&str; 6] = ["bewert", "rezension", "recension", "omdöme", "betygsätt", "avalia"];
/// Beginnings of words about reviews: English and Portuguese.
const BEGINNINGS: [&str; 5] = ["review", "rating", "resenha", "trustpilot", "testimonial"];
/// Whole words about reviews that begin other words too.
const WHOLE: [&str; 8] = ["rate", "rates", "stars", "sterne", "stjärnor", "betyg", "betyget", "estrelas"];

/// The first word of a text that speaks of reviews or ratings; none when nothing does.
pub(super) fn speaks_of_reviews(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let mut found = words.filter(|word| {
        WITHIN.iter().any(|part| word.contains(part))
            || BEGINNINGS.iter().any(|part| word.starts_with(part))
            || WHOLE.contains(word)
    });
    found.next().map(str::to_owned)
}

/// What is wrong with a metric that is none of ours.
pub(super) fn metric_problem(metric: &str) -> String {
    let lower = metric.to_lowercase().replace('_', " ");
    let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
    if speaks_of_reviews(&lower).is_some() || has(&["withdraw"]) {
        format!("`{metric}` is about reviews or ratings: nobody is paid for one, and none is bought back")
    } else if has(&["fail", "complain", "case", "disrupt", "incident", "paradox", "delta", "uplift"]) {
        format!("`{metric}` grows with failures: a recovery must never look better because more went wrong (S63)")
    } else {
        format!("`{metric}` is not one of RECOVERED_SHARE, MEAN_SCORE, REOPENED_SHARE")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_reviews_are_found_in_four_languages() {
        for text in [
            "A voucher when you take back your review",
            "10 USD for five stars",
            "Please rate us",
            "Gutschein für eine Bewertung",
            "Nach der Kundenrezension",
            "Rabatt för ett bra omdöme",
            "När du ändrat ditt betyg",
            "Um vale pela sua avaliação",
            "Apague a resenha",
        ] {
            assert!(speaks_of_reviews(text).is_some(), "{text}");
        }
        for text in
            ["Preview of the flight", "We start at once", "At a later date", "Ein Gutschein", "Ett kort med ursäkt"]
        {
            assert_eq!(speaks_of_reviews(text), None, "{text}");
        }
    }

    #[test]
    fn a_metric_says_why_it_is_none() {
        assert!(metric_problem("WITHDRAWN_REVIEWS").contains("about reviews"));
        assert!(metric_problem("RATINGS").contains("about reviews"));
        assert!(metric_problem("FAILURES_PER_CUSTOMER").contains("grows with failures"));
        assert!(metric_problem("SCORE_DELTA").contains("grows with failures"));
        assert!(metric_problem("LUCK").contains("is not one of"));
    }
}
