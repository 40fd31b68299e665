# Both are made empty: a value that Terraform knows is a value in its state.

resource "aws_secretsmanager_secret" "gemini_key" {
  #checkov:skip=CKV2_AWS_57:It rotates where `rotation` is set: only a function that asks Google can make a key of Google's.
  name                    = "${var.name_prefix}/gemini-key"
  description             = "The key for Gemini. The operator puts the first one here; rotation, where it is on, the others."
  kms_key_id              = aws_kms_key.bundle.arn
  recovery_window_in_days = var.secret_recovery_days
}

resource "aws_secretsmanager_secret" "pepper" {
  #checkov:skip=CKV2_AWS_57:Changing the pepper makes every end user of the audit trail a stranger; it is changed by hand only.
  name                    = "${var.name_prefix}/pepper"
  description             = "Keys the hashes by which the audit trail names end users. `gatehouse init --aws ${var.name_prefix}` puts it here."
  kms_key_id              = aws_kms_key.bundle.arn
  recovery_window_in_days = var.secret_recovery_days
}
