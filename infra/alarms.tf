resource "aws_sns_topic" "alarms" {
  name              = "${var.name_prefix}-alarms"
  kms_master_key_id = aws_kms_key.alarms.arn
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "AlarmsOfTheBundle"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:cloudwatch:${local.region}:${local.account}:alarm:${var.name_prefix}-*"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "alarms" {
  for_each = var.alarm_emails

  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = each.value
}

locals {
  of_function = { function = module.completion.name }
  of_lambda   = { FunctionName = module.completion.name }
  of_audit    = { QueueName = aws_sqs_queue.audit.name }
  of_dead     = { QueueName = aws_sqs_queue.audit_dead.name }

  # Each goes off when `metric` passes `above` in one `period`. What the function tells of itself is in the namespace
  # Gatehouse; a metric is there only once something happened, so none means nothing to tell.
  alarms = {
    errors = {
      namespace = "AWS/Lambda", metric = "Errors", statistic = "Sum", dimensions = local.of_lambda
      period    = 300, above = var.thresholds.errors
      remedy    = "Invocations failed outright: read the log group /aws/lambda/${local.completion}."
    }
    throttles = {
      namespace = "AWS/Lambda", metric = "Throttles", statistic = "Sum", dimensions = local.of_lambda
      period    = 300, above = var.thresholds.throttles
      remedy    = "AWS answered 429 in our place. A flood, or reserved_concurrency is too small."
    }
    answers-5xx = {
      namespace = "AWS/Lambda", metric = "Url5xxCount", statistic = "Sum", dimensions = local.of_lambda
      period    = 300, above = var.thresholds.answers_5xx
      remedy    = "Requests ended with a status from 500 on, which to Lambda is no error. The log tells why (code, error.type): Gemini failed, or a part of ours."
    }
    spend = {
      namespace = "Gatehouse", metric = "cost_micros", statistic = "Sum", dimensions = local.of_function
      period    = 3600, above = var.spend_per_hour_usd * 1000000
      remedy    = "An hour cost more than ${var.spend_per_hour_usd} dollars. See who asked; lower the policy's budgets, or set reserved_concurrency to 0."
    }
    budget-overrun = {
      namespace = "Gatehouse", metric = "budget_overrun", statistic = "Sum", dimensions = local.of_function
      period    = 300, above = 0
      remedy    = "Gemini billed more than was reserved. It is booked and the cap holds; the price table may be old."
    }
    key-rejected = {
      namespace = "Gatehouse", metric = "key_rejected", statistic = "Sum", dimensions = local.of_function
      period    = 60, above = 0
      remedy    = "Gemini refused the key (another may have stood in for it) or the account behind it, or the key could not be read: the log's `error` tells which. Put one that works into the secret ${var.name_prefix}/gemini-key, mend the account, or let the function read it."
    }
    fail-open = {
      namespace = "Gatehouse", metric = "fail_open", statistic = "Sum", dimensions = local.of_function
      period    = 60, above = 0
      remedy    = "A check could not be made and the policy let the request pass. Find the part in the log."
    }
    policy-refused = {
      namespace = "Gatehouse", metric = "policy_refused", statistic = "Sum", dimensions = local.of_function
      period    = 300, above = 0
      remedy    = "The policy in the table cannot be read or used; the one before stays in force. `gatehouse policy check` tells why."
    }
    audit-failed = {
      namespace = "Gatehouse", metric = "audit_failed", statistic = "Sum", dimensions = local.of_function
      period    = 60, above = 0
      remedy    = "Records cannot be stored, so requests are refused. Look at the queue ${var.name_prefix}-audit and its key."
    }
    ledger-failed = {
      namespace = "Gatehouse", metric = "ledger_failed", statistic = "Sum", dimensions = local.of_function
      period    = 60, above = 0
      remedy    = "Limits cannot be checked or booked, or callers not be looked up. A table is throttled (ledger_max_write_units) or out of reach."
    }
    audit-dead = {
      namespace = "AWS/SQS", metric = "ApproximateNumberOfMessagesVisible", statistic = "Maximum", dimensions = local.of_dead
      period    = 300, above = 0
      remedy    = "Records could not be stored after many tries. They are kept until they are 14 days old: mend the cause, then redrive them (`aws sqs start-message-move-task`)."
    }
    audit-age = {
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", dimensions = local.of_audit
      period    = 300, above = var.thresholds.audit_age_seconds
      remedy    = "Nobody fetches the audit records, and SQS drops them after 14 days: fetch them now, as infra/README.md says."
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "plain" {
  for_each = local.alarms

  alarm_name          = "${var.name_prefix}-${each.key}"
  alarm_description   = each.value.remedy
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  period              = each.value.period
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = each.value.above

  # No requests, no data: a bundle that nobody calls is well. That the alarms reach someone is seen by `set-alarm-state`.
  treat_missing_data = "notBreaching"

  # A rejected key is replaced before its time, at most once an hour.
  alarm_actions = concat([aws_sns_topic.alarms.arn], each.key == "key-rejected" && local.mints ? [module.rotation[0].arn] : [])
  ok_actions    = [aws_sns_topic.alarms.arn]
}

resource "aws_cloudwatch_metric_alarm" "blocked" {
  alarm_name          = "${var.name_prefix}-blocked"
  alarm_description   = "More than ${var.thresholds.blocked_percent} % of the requests that were judged were blocked: an attack, or a rule that is too strict. The metric rule_matches tells which."
  evaluation_periods  = 1
  comparison_operator = "GreaterThanThreshold"
  threshold           = var.thresholds.blocked_percent
  treat_missing_data  = "notBreaching"

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "percent"
    label       = "blocked, in percent"
    expression  = "IF(judged >= 20, 100 * blocked / judged, 0)" # One blocked of three tells nothing.
    return_data = true
  }

  # Each request that was judged, allow, flag or block, writes `blocked`, as 0 or 1: their number is that of the ones
  # judged. Not `requests`: whoever knocks without a key is in it, and a flood of them would hide what is blocked.
  dynamic "metric_query" {
    for_each = { blocked = "Sum", judged = "SampleCount" }

    content {
      id = metric_query.key

      metric {
        namespace   = "Gatehouse"
        metric_name = "blocked"
        dimensions  = local.of_function
        stat        = metric_query.value
        period      = 900
      }
    }
  }
}
