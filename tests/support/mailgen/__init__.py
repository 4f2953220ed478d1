"""Sample mail, deterministic from a seed: texts, MIME, ordinary kinds, oddities, Maildir."""
