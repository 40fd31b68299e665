//! What the redactor finds and leaves.
