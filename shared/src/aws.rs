//! AWS's services behind the ports.

pub mod dynamodb;
