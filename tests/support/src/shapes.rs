//! The constraints of STS's API model on a call's parameters, with AWS's wording.

use std::collections::BTreeMap;

use crate::error::StsError;

/// The parameters of one call, and what is wrong with them so far.
#[derive(Debug)]
pub(crate) struct Shapes<'a> {
    form: &'a BTreeMap<String, String>,
    complaints: Vec<String>,
}

impl<'a> Shapes<'a> {
    pub(crate) fn new(form: &'a BTreeMap<String, String>) -> Self {
        Self { form, complaints: Vec::new() }
    }

    /// A text of `min..=max` characters, all alphanumeric or `_` or in `extra`; absent or empty is `None`.
    pub(crate) fn text(&mut self, name: &str, min: usize, max: usize, extra: &str) -> Option<&'a str> {
        let value = self.form.get(name)?;
        let length = value.chars().count();
        if length < min {
            self.complain(name, value, &format!("have length greater than or equal to {min}"));
        }
        if length > max {
            self.complain(name, value, &format!("have length less than or equal to {max}"));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_' || extra.contains(c);
        if !value.chars().all(allowed) {
            self.complain(name, value, &format!("satisfy regular expression pattern: [\\w{extra}]*"));
        }
        Some(value)
    }

    /// Like [`Shapes::text`], and must be there.
    pub(crate) fn required(&mut self, name: &str, min: usize, max: usize, extra: &str) -> &'a str {
        if !self.form.contains_key(name) {
            let field = member(name);
            self.complaints.push(format!(
                "Value null at '{field}' failed to satisfy constraint: Member must not be null"
            ));
        }
        self.text(name, min, max, extra).unwrap_or_default()
    }

    /// The one-time code: six digits.
    pub(crate) fn code(&mut self) -> Option<&'a str> {
        let value = self.form.get("TokenCode")?;
        let length = value.chars().count();
        if length > 6 {
            self.complain("TokenCode", value, "have length less than or equal to 6");
        }
        if length < 6 {
            self.complain("TokenCode", value, "have length greater than or equal to 6");
        }
        if !value.chars().all(|c| c.is_ascii_digit()) {
            self.complain("TokenCode", value, "satisfy regular expression pattern: [\\d]*");
        }
        Some(value)
    }

    /// `DurationSeconds`, `900..=max`.
    pub(crate) fn duration(&mut self, max: i64, default: i64) -> Result<i64, StsError> {
        let Some(value) = self.form.get("DurationSeconds") else {
            return Ok(default);
        };
        let seconds = value.parse().map_err(|_unparsable| StsError::new(400, "MalformedInput", ""))?;
        if seconds < 900 {
            self.complain("DurationSeconds", value, "have value greater than or equal to 900");
        }
        if seconds > max {
            self.complain("DurationSeconds", value, &format!("have value less than or equal to {max}"));
        }
        Ok(seconds)
    }

    /// All complaints as the one error that AWS sends.
    pub(crate) fn finish(self) -> Result<(), StsError> {
        let noun = match self.complaints.len() {
            0 => return Ok(()),
            1 => "error",
            _ => "errors",
        };
        let (count, all) = (self.complaints.len(), self.complaints.join("; "));
        Err(StsError::validation(format!("{count} validation {noun} detected: {all}")))
    }

    fn complain(&mut self, name: &str, value: &str, must: &str) {
        let field = member(name);
        self.complaints
            .push(format!("Value '{value}' at '{field}' failed to satisfy constraint: Member must {must}"));
    }
}

/// `TokenCode` as messages write it: `tokenCode`.
fn member(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}
