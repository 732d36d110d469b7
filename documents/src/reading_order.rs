//! Reading order.
