"""One file a revision; a revision that has shipped is never edited."""
