//! Everything durable: one SQLite database, spoken to in verbs over domain types.
