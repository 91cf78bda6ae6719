"""Top-nσ sampling for zaoju."""
