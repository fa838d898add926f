"""Answer sheets: one document model, and LaTeX, HTML and PDF as three thin renderings of it."""
