//! AWS's services behind the ports.
