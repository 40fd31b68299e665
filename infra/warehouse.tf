# BigQuery, where `warehouse` is set: a queue of the keys of stored objects, which the drain loads from. Whatever becomes
# of it, the bucket has everything: `gatehouse audit load` sends the keys of past hours again.

locals {
  loads = var.warehouse != null

  # What the drain reads beside the rest. What is null is not set.
  warehouse_environment = {
    BIGQUERY_DATASET           = try(var.warehouse.dataset, null)
    GOOGLE_AUDIENCE            = try(var.warehouse.google_audience, null)
    GOOGLE_BASE_URL            = try(var.warehouse.google_base_url, null)
    WAREHOUSE_POISON_QUEUE_URL = one(aws_sqs_queue.warehouse_poison[*].url)
    WAREHOUSE_QUEUE_URL        = one(aws_sqs_queue.warehouse[*].url)
    WAREHOUSE_SERVICE_ACCOUNT  = try(var.warehouse.service_account, null)
  }

  of_warehouse_dead = { QueueName = "${var.name_prefix}-warehouse-dead" }
  of_warehouse      = { QueueName = "${var.name_prefix}-warehouse" }

  warehouse_alarms = {
    warehouse-failed = {
      namespace = "Gatehouse", metric = "warehouse_failed", statistic = "Sum", dimensions = local.of_drain
      period    = 900, above = 3
      remedy    = "BigQuery takes no rows; they come again for a day. The log of ${local.drain} tells why (code): warehouse_limited, warehouse_unavailable."
    }
    # No weather: it stays until somebody mends it, and where little is asked it comes seldom.
    warehouse-refused = {
      namespace = "Gatehouse", metric = "warehouse_refused", statistic = "Sum", dimensions = local.of_drain
      period    = 900, above = 0
      remedy    = "BigQuery will not take rows until you mend it; they come again for a day. The log of ${local.drain} tells what (code): warehouse_absent (make the table: `gatehouse audit table`), warehouse_refused (the service account, google.md)."
    }
    warehouse-poison = {
      namespace = "Gatehouse", metric = "warehouse_poison", statistic = "Sum", dimensions = local.of_drain
      period    = 300, above = 0
      remedy    = "BigQuery will never take a record. It is in the bucket and lies in ${var.name_prefix}-warehouse-poison with BigQuery's reason: the table has another schema than this version writes. Make it anew (`gatehouse audit table`), `gatehouse audit load` the hours, and purge that queue."
    }
    warehouse-dead = {
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", dimensions = local.of_warehouse_dead
      period    = 300, above = 0
      remedy    = "BigQuery took nothing for a day. Nothing is lost: once it does, redrive (`aws sqs start-message-move-task`), or `gatehouse audit load` the hours."
    }
    # SQS counts the age of no message that was received three times, three quarters of an hour here: what fails for
    # longer is told by the alarms above.
    warehouse-age = {
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", dimensions = local.of_warehouse
      period    = 300, above = 1800
      remedy    = "Objects wait for half an hour, and are not loaded into BigQuery: read the log group /aws/lambda/${local.drain}."
    }
  }
}

resource "aws_sqs_queue" "warehouse" {
  count = local.loads ? 1 : 0

  name                       = "${var.name_prefix}-warehouse"
  message_retention_seconds  = local.audit_retention_seconds
  visibility_timeout_seconds = 920
  receive_wait_time_seconds  = 20

  kms_master_key_id                 = aws_kms_key.bundle.arn
  kms_data_key_reuse_period_seconds = 300

  # A quarter of an hour each, and a little more: a day.
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.warehouse_dead[0].arn
    maxReceiveCount     = 96
  })
}

resource "aws_sqs_queue" "warehouse_dead" {
  count = local.loads ? 1 : 0

  name                      = "${var.name_prefix}-warehouse-dead"
  message_retention_seconds = local.audit_retention_seconds

  kms_master_key_id                 = aws_kms_key.bundle.arn
  kms_data_key_reuse_period_seconds = 300
}

# Records that BigQuery will never take, each with its reason. The bucket has them: nothing is sent back from here.
resource "aws_sqs_queue" "warehouse_poison" {
  count = local.loads ? 1 : 0

  name                      = "${var.name_prefix}-warehouse-poison"
  message_retention_seconds = local.audit_retention_seconds
  max_message_size          = local.audit_record_bytes

  kms_master_key_id                 = aws_kms_key.bundle.arn
  kms_data_key_reuse_period_seconds = 300
}

# As for the audit queue.
resource "aws_sqs_queue_redrive_allow_policy" "warehouse_dead" {
  count = local.loads && var.local_endpoint == null ? 1 : 0

  queue_url = aws_sqs_queue.warehouse_dead[0].id
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = [aws_sqs_queue.warehouse[0].arn]
  })
}

# A message is an object of up to 5,000 records, ten requests of BigQuery's. With the records' own mapping it has all of
# the drain's places.
resource "aws_lambda_event_source_mapping" "warehouse" {
  count = local.loads ? 1 : 0

  event_source_arn        = aws_sqs_queue.warehouse[0].arn
  function_name           = module.drain.arn
  batch_size              = 5
  function_response_types = ["ReportBatchItemFailures"]

  # The emulation runs no function, and would drop what it took for one.
  enabled = var.local_endpoint == null

  scaling_config {
    maximum_concurrency = 2
  }
}
