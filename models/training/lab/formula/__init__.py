"""The formula recogniser's lab: image -> LaTeX. See ../../FORMULA.md."""
