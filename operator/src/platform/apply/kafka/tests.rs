//! Rights without a broker.
