# The drain's zip once more: on a schedule it asks Athena who looks suspicious, and tells people once in 24 hours of each.

locals {
  detection = "${var.name_prefix}-detection"
  workgroup = "${var.name_prefix}-audit"

  # The reports that operators ask for most, ready in Athena's console: over the last day.
  reports = toset(["blocked", "costs", "intents", "opens", "rules", "suspicious"])
  sql     = "${path.module}/../shared/src/audit/reports"
}

module "detection" {
  source = "./modules/function"

  name         = local.detection
  description  = "Gatehouse: tells who looks suspicious."
  zip          = { path = var.drain_zip_path, hash = filebase64sha256(var.drain_zip_path) }
  architecture = var.architecture
  memory_mb    = 128
  # It waits for Athena, five minutes at most.
  timeout_seconds      = 360
  reserved_concurrency = 1
  log_retention_days   = var.log_retention_days
  kms_key_arn          = aws_kms_key.bundle.arn
  tracing              = var.tracing
  policy_json          = data.aws_iam_policy_document.detection.json

  environment = {
    ALARM_TOPIC_ARN      = aws_sns_topic.alarms.arn
    ATHENA_DATABASE      = aws_glue_catalog_database.audit.name
    ATHENA_WORKGROUP     = local.workgroup
    AUDIT_BUCKET         = aws_s3_bucket.audit.bucket
    GATEHOUSE_LOG        = var.log_level
    GATEHOUSE_LOG_FORMAT = "json"
  }
}

resource "aws_scheduler_schedule" "detection" {
  #checkov:skip=CKV_AWS_297:What it sends is `{"detect":true}`, which is no secret.
  name                = local.detection
  description         = "Looks who has begun to look suspicious."
  schedule_expression = "rate(15 minutes)"

  flexible_time_window {
    mode                      = "FLEXIBLE"
    maximum_window_in_minutes = 5
  }

  target {
    arn      = module.detection.arn
    role_arn = aws_iam_role.detection_schedule.arn
    input    = jsonencode({ detect = true })

    retry_policy {
      maximum_event_age_in_seconds = 600
      maximum_retry_attempts       = 1
    }
  }
}

data "aws_iam_policy_document" "detection_schedule" {
  statement {
    sid       = "StartDetection"
    actions   = ["lambda:InvokeFunction"]
    resources = [module.detection.arn]
  }
}

resource "aws_iam_role" "detection_schedule" {
  name               = "${local.detection}-schedule"
  description        = "Starts ${local.detection}."
  assume_role_policy = data.aws_iam_policy_document.sealer_schedule_trust.json
}

resource "aws_iam_role_policy" "detection_schedule" {
  name   = "start"
  role   = aws_iam_role.detection_schedule.id
  policy = data.aws_iam_policy_document.detection_schedule.json
}

data "aws_iam_policy_document" "detection" {
  statement {
    sid       = "Ask"
    actions   = ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution"]
    resources = ["arn:${local.partition}:athena:${local.region}:${local.account}:workgroup/${local.workgroup}"]
  }

  statement {
    sid     = "KnowTheTable"
    actions = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"]
    resources = [
      "arn:${local.partition}:glue:${local.region}:${local.account}:catalog",
      aws_glue_catalog_database.audit.arn,
      aws_glue_catalog_table.records.arn,
    ]
  }

  statement {
    sid       = "ReadRecords"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.audit.arn}/records/*"]
  }

  # Of a mark that is absent S3 says so only to who may list; that asks by no prefix.
  statement {
    sid       = "FindThem"
    actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
    resources = [aws_s3_bucket.audit.arn]
  }

  statement {
    sid       = "Mark"
    actions   = ["s3:GetObject", "s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/detections/*"]
  }

  # Athena writes and reads answers in the name of who asks.
  dynamic "statement" {
    for_each = local.answers

    content {
      sid       = "KeepAnswers"
      actions   = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      resources = ["arn:${local.partition}:s3:::${statement.value}/*"]
    }
  }

  dynamic "statement" {
    for_each = local.answers

    content {
      sid       = "FindAnswers"
      actions   = ["s3:GetBucketLocation", "s3:ListBucket"]
      resources = ["arn:${local.partition}:s3:::${statement.value}"]
    }
  }

  statement {
    sid       = "Tell"
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

# Each is the report's body behind Athena's preamble, as `gatehouse audit REPORT --aws` sends it; only what stands for a
# time is Athena's own.
resource "aws_athena_named_query" "report" {
  for_each = { for report in local.reports : report => report if var.local_endpoint == null }

  name        = "${var.name_prefix} ${each.key}"
  description = trimprefix(split("\n", file("${local.sql}/${each.key}.sql"))[0], "-- ")
  workgroup   = aws_athena_workgroup.audit[""].name
  database    = aws_glue_catalog_database.audit.name

  query = join("", [
    templatefile("${local.sql}/athena.sql", {
      audit = aws_glue_catalog_table.records.name
      # Clocks may differ by an hour.
      day   = "date_format(current_timestamp - INTERVAL '25' HOUR, '%Y-%m-%d')"
      since = "to_unixtime(current_timestamp - INTERVAL '24' HOUR) * 1000"
    }),
    file("${local.sql}/${each.key}.sql"),
  ])
}
