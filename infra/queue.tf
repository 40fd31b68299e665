locals {
  # SQS's longest. A record that nobody fetched for so long is lost.
  audit_retention_seconds = 14 * 86400

  # The most that provider 5.100 lets a queue take. SQS itself takes 1 MiB; the function trims records to 250,000 bytes.
  audit_record_bytes = 256 * 1024
}

resource "aws_sqs_queue" "audit" {
  name                      = "${var.name_prefix}-audit"
  message_retention_seconds = local.audit_retention_seconds
  max_message_size          = local.audit_record_bytes
  # Whoever fetches records has so long to store them: six runs of two and a half minutes, and the
  # 20 s for which a batch is gathered.
  visibility_timeout_seconds = 920
  receive_wait_time_seconds  = 20

  kms_master_key_id                 = aws_kms_key.bundle.arn
  kms_data_key_reuse_period_seconds = 300

  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.audit_dead.arn
    # A day of such turns: what fails for longer is an outage that people know of.
    maxReceiveCount = 94
  })
}

resource "aws_sqs_queue" "audit_dead" {
  name                      = "${var.name_prefix}-audit-dead"
  message_retention_seconds = local.audit_retention_seconds
  max_message_size          = local.audit_record_bytes

  kms_master_key_id                 = aws_kms_key.bundle.arn
  kms_data_key_reuse_period_seconds = 300
}

# No other queue may drop its dead here. The emulation does not keep this attribute, and the provider would wait for it.
resource "aws_sqs_queue_redrive_allow_policy" "audit_dead" {
  count = var.local_endpoint == null ? 1 : 0

  queue_url = aws_sqs_queue.audit_dead.id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.audit.arn]
  })
}
