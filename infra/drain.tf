# The function that stores records, and the same zip once more as the sealer: what one may do the other may not.

locals {
  drain  = "${var.name_prefix}-drain"
  sealer = "${var.name_prefix}-sealer"

  # A batch is stored in a second or two. The queue hides it for six runs.
  drain_timeout_seconds = 150
}

module "drain" {
  source = "./modules/function"

  name                 = local.drain
  description          = "Gatehouse: stores audit records."
  zip                  = { path = var.drain_zip_path, hash = filebase64sha256(var.drain_zip_path) }
  architecture         = var.architecture
  memory_mb            = 256
  timeout_seconds      = local.drain_timeout_seconds
  reserved_concurrency = 10
  log_retention_days   = var.log_retention_days
  kms_key_arn          = aws_kms_key.bundle.arn
  tracing              = var.tracing
  policy_json          = data.aws_iam_policy_document.drain.json

  environment = merge(
    {
      AUDIT_BUCKET         = aws_s3_bucket.audit.bucket
      DEAD_QUEUE_URL       = aws_sqs_queue.audit_dead.url
      GATEHOUSE_LOG        = var.log_level
      GATEHOUSE_LOG_FORMAT = "json"
    },
    { for name, value in local.warehouse_environment : name => value if value != null },
  )
}

# No more at a time than are reserved: a throttled batch would count as received.
resource "aws_lambda_event_source_mapping" "drain" {
  event_source_arn                   = aws_sqs_queue.audit.arn
  function_name                      = module.drain.arn
  batch_size                         = 5000
  maximum_batching_window_in_seconds = 20
  function_response_types            = ["ReportBatchItemFailures"]

  # The emulation runs no function, and would drop what it took for one.
  enabled = var.local_endpoint == null

  scaling_config {
    maximum_concurrency = 8
  }
}

data "aws_iam_policy_document" "drain" {
  statement {
    sid       = "TakeOver"
    actions   = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
    resources = concat([aws_sqs_queue.audit.arn], aws_sqs_queue.warehouse[*].arn)
  }

  # The keys of objects, for the warehouse.
  dynamic "statement" {
    for_each = aws_sqs_queue.warehouse

    content {
      sid       = "HandOn"
      actions   = ["sqs:SendMessage"]
      resources = [statement.value.arn]
    }
  }

  statement {
    sid       = "PutAside"
    actions   = ["sqs:SendMessage"]
    resources = concat([aws_sqs_queue.audit_dead.arn], aws_sqs_queue.warehouse_poison[*].arn)
  }

  # Reading is for an object that is there already: it must be the same.
  statement {
    sid       = "Store"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/records/*", "${aws_s3_bucket.audit.arn}/manifests/*"]
  }

  # Where the warehouse's queue names an object that is not there, S3 says so only to who may list.
  dynamic "statement" {
    for_each = aws_sqs_queue.warehouse

    content {
      sid       = "MissThem"
      actions   = ["s3:ListBucket"]
      resources = [aws_s3_bucket.audit.arn]
    }
  }

  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com", "sqs.${local.region}.amazonaws.com"]
    }
  }
}

module "sealer" {
  source = "./modules/function"

  name                 = local.sealer
  description          = "Gatehouse: seals each hour of the audit trail."
  zip                  = { path = var.drain_zip_path, hash = filebase64sha256(var.drain_zip_path) }
  architecture         = var.architecture
  memory_mb            = 512
  timeout_seconds      = 900
  reserved_concurrency = 1
  log_retention_days   = var.log_retention_days
  kms_key_arn          = aws_kms_key.bundle.arn
  tracing              = var.tracing
  policy_json          = data.aws_iam_policy_document.sealer.json

  environment = {
    AUDIT_BUCKET         = aws_s3_bucket.audit.bucket
    GATEHOUSE_LOG        = var.log_level
    GATEHOUSE_LOG_FORMAT = "json"
    HEAD_TOPIC_ARN       = aws_sns_topic.alarms.arn
    SEALING_KEY_ID       = aws_kms_key.seal.arn
  }
}

# Ten minutes past the hour: a drain that began within it has ended by then.
resource "aws_scheduler_schedule" "sealer" {
  #checkov:skip=CKV_AWS_297:What it sends is `{"seal":true}`, which is no secret.
  name                = local.sealer
  description         = "Seals each hour of the audit trail."
  schedule_expression = "cron(10 * * * ? *)"

  flexible_time_window {
    mode = "OFF"
  }

  target {
    arn      = module.sealer.arn
    role_arn = aws_iam_role.sealer_schedule.arn
    input    = jsonencode({ seal = true })

    retry_policy {
      maximum_event_age_in_seconds = 1800
      maximum_retry_attempts       = 3
    }
  }
}

data "aws_iam_policy_document" "sealer_schedule_trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["scheduler.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

data "aws_iam_policy_document" "sealer_schedule" {
  statement {
    sid       = "StartTheSealer"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.sealer.arn]
  }
}

resource "aws_iam_role" "sealer_schedule" {
  name               = "${local.sealer}-schedule"
  description        = "Starts ${local.sealer} each hour."
  assume_role_policy = data.aws_iam_policy_document.sealer_schedule_trust.json
}

resource "aws_iam_role_policy" "sealer_schedule" {
  name   = "start"
  role   = aws_iam_role.sealer_schedule.id
  policy = data.aws_iam_policy_document.sealer_schedule.json
}

data "aws_iam_policy_document" "sealer" {
  statement {
    sid       = "ReadManifests"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.audit.arn}/manifests/*"]
  }

  statement {
    sid       = "WriteDigests"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/digests/*"]
  }

  statement {
    sid       = "NoteWhatWasTold"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/heads/*"]
  }

  statement {
    sid       = "FindThem"
    actions   = ["s3:ListBucket"]
    resources = [aws_s3_bucket.audit.arn]

    # Reading asks too, and by no prefix: S3 calls what is absent so only to who may list, and else forbidden.
    condition {
      test     = "StringLikeIfExists"
      variable = "s3:prefix"
      values   = ["digests/*", "manifests/*"]
    }
  }

  statement {
    sid       = "Seal"
    actions   = ["kms:Sign"]
    resources = [aws_kms_key.seal.arn]
  }

  statement {
    sid       = "TellTheHead"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]
  }

  statement {
    sid       = "UseTheTopicsKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.alarms.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sns.${local.region}.amazonaws.com"]
    }
  }

  statement {
    sid       = "UseTheKey"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }
  }
}
