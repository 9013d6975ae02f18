//! What the real parsers read before and after an edit.
