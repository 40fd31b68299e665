# The function that replaces Gemini's key, where `rotation` is set. Google's side of it is in google.md.

locals {
  rotation = "${var.name_prefix}-rotation"
  rotates  = var.rotation != null
  # Whether keys are made here, so that one can be made before its time.
  mints = local.rotates && try(var.rotation.keys, "supplied") != "supplied"

  # Built from its name: the function's role must name the function, which does not exist before its role.
  rotation_arn = "arn:${local.partition}:lambda:${local.region}:${local.account}:function:${local.rotation}"

  # All that the function reads, and nothing it does not. What is null is not set.
  rotation_environment = {
    BUNDLE               = local.mints ? var.name_prefix : null
    GATEHOUSE_LOG        = var.log_level
    GATEHOUSE_LOG_FORMAT = "json"
    GEMINI_BASE_URL      = var.gemini_base_url
    GEMINI_SECRET_ARN    = aws_secretsmanager_secret.gemini_key.arn
    GOOGLE_AUDIENCE      = try(var.rotation.google_audience, null)
    GOOGLE_BASE_URL      = try(var.rotation.google_base_url, null)
    GOOGLE_PROJECT       = try(var.rotation.google_project, null)
    KEYS                 = try(var.rotation.keys, null)
    KEY_SERVICE_ACCOUNT  = try(var.rotation.key_service_account, null)
    MINT_SERVICE_ACCOUNT = try(var.rotation.mint_service_account, null)
    PROBE_MODEL          = try(var.rotation.probe_model, null)
  }

  rotation_widgets = [
    {
      title = "Rotations of the key: done, events that came to nothing"
      lines = [for metric in ["rotations", "rotation_failed"] : ["Gatehouse", metric, "function", local.rotation]]
    },
    {
      title = "What is wrong with the rotation"
      lines = [for metric in ["rotation_overdue", "pending_stuck", "served_key_gone", "too_many_keys", "key_in_use"] : ["Gatehouse", metric, "function", local.rotation]]
    },
    {
      title = "Rotation: invocations, errors, throttles"
      lines = [for metric in ["Invocations", "Errors", "Throttles"] : ["AWS/Lambda", metric, "FunctionName", local.rotation]]
    },
  ]

  of_rotation        = { function = local.rotation }
  of_rotation_lambda = { FunctionName = local.rotation }

  rotation_alarms = {
    rotation-failed = {
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", dimensions = local.of_rotation_lambda
      period    = 300, periods = 1
      remedy    = "A step of the rotation, or a look at it, failed or was killed. The current key stays in use, and Secrets Manager tries again. The log group /aws/lambda/${local.rotation} tells why (code); functions/rotation/README.md lists the codes."
    }
    rotation-overdue = {
      namespace = "Gatehouse", metric = "rotation_overdue", statistic = "Sum", dimensions = local.of_rotation
      period    = 3600, periods = 1
      remedy    = "The next rotation lies in the past, or rotation is switched off for the secret. `gatehouse rotation plan --aws ${var.name_prefix}` tells what is wrong; `aws secretsmanager rotate-secret` begins one."
    }
    rotation-stuck = {
      namespace = "Gatehouse", metric = "pending_stuck", statistic = "Sum", dimensions = local.of_rotation
      # One look may fall into a rotation that is under way.
      period = 3600, periods = 2
      remedy = "AWSPENDING has been on a version for an hour that is not current, and keeps the next rotation from beginning. Let Secrets Manager try again, or take the stage off: `aws secretsmanager update-secret-version-stage --version-stage AWSPENDING --remove-from-version-id VERSION`."
    }
    rotation-key-gone = {
      namespace = "Gatehouse", metric = "served_key_gone", statistic = "Sum", dimensions = local.of_rotation
      period    = 3600, periods = 1
      remedy    = "The current or the previous version holds a key that was deleted at Google. Bring it back (`gcloud services api-keys undelete`) or rotate now."
    }
    rotation-too-many-keys = {
      namespace = "Gatehouse", metric = "too_many_keys", statistic = "Sum", dimensions = local.of_rotation
      period    = 3600, periods = 1
      remedy    = "More than three keys of this bundle are alive. `gatehouse rotation plan --aws ${var.name_prefix}` lists them; revoke those that are neither current nor previous."
    }
    rotation-key-in-use = {
      namespace = "Gatehouse", metric = "key_in_use", statistic = "Sum", dimensions = local.of_rotation
      period    = 3600, periods = 1
      remedy    = "Somebody still uses a key that is neither current nor previous, so it was not deleted. Find who has copied it; it goes with a later rotation, or at once with `gatehouse rotation revoke`."
    }
  }
}

module "rotation" {
  source = "./modules/function"
  count  = local.rotates ? 1 : 0

  name         = local.rotation
  description  = "Gatehouse: replaces the key for Gemini."
  zip          = { path = var.rotation_zip_path, hash = filebase64sha256(var.rotation_zip_path) }
  architecture = var.architecture
  memory_mb    = 256
  # A key reaches Google's servers one by one; a step that is killed runs again.
  timeout_seconds = 300
  # A step, and a look or an alarm beside it.
  reserved_concurrency = 2
  log_retention_days   = var.log_retention_days
  kms_key_arn          = aws_kms_key.bundle.arn
  tracing              = var.tracing
  policy_json          = data.aws_iam_policy_document.rotation[0].json
  environment          = { for name, value in local.rotation_environment : name => value if value != null }
}

# What the function may do. It needs no right to ask AWS who it is, which is all that Google is shown.
data "aws_iam_policy_document" "rotation" {
  count = local.rotates ? 1 : 0

  statement {
    sid = "RotateKey"
    actions = concat(
      [
        "secretsmanager:DescribeSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:PutSecretValue",
        "secretsmanager:UpdateSecretVersionStage",
      ],
      # Before its time: how long ago the last rotation began, and to begin another.
      local.mints ? ["secretsmanager:ListSecretVersionIds", "secretsmanager:RotateSecret"] : [],
    )
    resources = [aws_secretsmanager_secret.gemini_key.arn]
  }

  # RotateSecret asks for it in the name of whoever calls, since it leads to an invocation.
  dynamic "statement" {
    for_each = local.mints ? [local.rotation_arn] : []

    content {
      sid       = "BeCalledForIt"
      actions   = ["lambda:InvokeFunction"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "OpenAndCloseTheSecret"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SecretARN"
      values   = [aws_secretsmanager_secret.gemini_key.arn]
    }
  }
}

# Who may call: Secrets Manager of this account, the alarm, the schedule. One after the other, since of two permissions
# that are added at the same moment Lambda may keep one.
resource "aws_lambda_permission" "rotation" {
  count = local.rotates ? 1 : 0

  statement_id   = "secrets-manager"
  function_name  = module.rotation[0].name
  action         = "lambda:InvokeFunction"
  principal      = "secretsmanager.amazonaws.com"
  source_account = local.account
}

resource "aws_lambda_permission" "rotation_look" {
  count = local.rotates ? 1 : 0

  statement_id  = "schedule"
  function_name = module.rotation[0].name
  action        = "lambda:InvokeFunction"
  principal     = "events.amazonaws.com"
  source_arn    = aws_cloudwatch_event_rule.rotation_look[0].arn

  depends_on = [aws_lambda_permission.rotation]
}

resource "aws_lambda_permission" "rotation_alarm" {
  count = local.mints ? 1 : 0

  statement_id   = "key-rejected"
  function_name  = module.rotation[0].name
  action         = "lambda:InvokeFunction"
  principal      = "lambda.alarms.cloudwatch.amazonaws.com"
  source_account = local.account
  source_arn     = "arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name_prefix}-key-rejected"

  depends_on = [aws_lambda_permission.rotation_look]
}

resource "aws_secretsmanager_secret_rotation" "gemini_key" {
  #checkov:skip=CKV_AWS_304:The schedule is the operator's, and checkov reads no cron. By default it is monthly.
  count = local.rotates ? 1 : 0

  secret_id           = aws_secretsmanager_secret.gemini_key.id
  rotation_lambda_arn = module.rotation[0].arn
  # Otherwise the first apply would replace the key, and so would each one that changes the schedule.
  rotate_immediately = var.rotation.rotate_immediately

  rotation_rules {
    schedule_expression = var.rotation.schedule_expression
  }

  depends_on = [aws_lambda_permission.rotation]
}

# Looks at how things stand every hour, so that the alarms below have something to hear.
resource "aws_cloudwatch_event_rule" "rotation_look" {
  count = local.rotates ? 1 : 0

  name                = "${local.rotation}-look"
  description         = "Has ${local.rotation} look whether the key is rotated as it should be."
  schedule_expression = "rate(1 hour)"
}

resource "aws_cloudwatch_event_target" "rotation_look" {
  count = local.rotates ? 1 : 0

  rule = aws_cloudwatch_event_rule.rotation_look[0].name
  arn  = module.rotation[0].arn
}

resource "aws_cloudwatch_metric_alarm" "rotation" {
  for_each = local.rotates ? local.rotation_alarms : {}

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.remedy
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = each.value.periods
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}
