//! Which models and libraries there are, where they come from, and where they lie.
