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

  # A topic with a policy takes nothing of roles that it does not name.
  statement {
    sid       = "TheSealerTellsTheHead"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "AWS"
      identifiers = [module.sealer.role_arn]
    }
  }

  statement {
    sid       = "DetectionTellsWhoIsSuspicious"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "AWS"
      identifiers = [module.detection.role_arn]
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
  of_drain    = { function = module.drain.name }
  of_sealer   = { function = module.sealer.name }

  of_detection = { function = module.detection.name }

  # They work without anybody who would notice that they do not.
  of_workers = { detection = module.detection.name, drain = module.drain.name, sealer = module.sealer.name }

  # Each goes off when `metric` passes `above` in one `period`. What the function tells of itself is in the namespace
  # Gatehouse; a metric is there only once something happened, so none means nothing to tell.
  alarms = merge(local.alarms_of_workers, local.loads ? local.warehouse_alarms : {}, {
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
    model-gone = {
      namespace = "Gatehouse", metric = "model_gone", statistic = "Sum", dimensions = local.of_function
      period    = 300, above = 0
      remedy    = "Gemini no longer has a model that the policy allows: Google retires models every few months. The log's `gen_ai.request.model` names it; take it out of `[models]` and tell its callers which to use."
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
    # What fails again and again has no age after its third time: drain-failed and audit-stalled tell of that.
    audit-age = {
      namespace = "AWS/SQS", metric = "ApproximateAgeOfOldestMessage", statistic = "Maximum", dimensions = local.of_audit
      period    = 300, above = var.thresholds.audit_age_seconds
      remedy    = "The drain does not keep up, or stores nothing, and SQS drops records after 14 days: read the log group /aws/lambda/${local.drain}."
    }
    audit-poison = {
      namespace = "Gatehouse", metric = "audit_poison", statistic = "Sum", dimensions = local.of_drain
      period    = 300, above = 0
      remedy    = "A message in the audit queue is no record, or was changed on its way. It lies among the dead letters with its reason; whoever may send to ${var.name_prefix}-audit besides the function is the first question."
    }
    drain-failed = {
      namespace = "Gatehouse", metric = "drain_failed", statistic = "Sum", dimensions = local.of_drain
      period    = 300, above = 0
      remedy    = "Records could not be stored, and come again. The log of ${local.drain} tells which store failed."
    }
    trail-broken = {
      namespace = "Gatehouse", metric = "trail_broken", statistic = "Sum", dimensions = local.of_sealer
      period    = 300, above = 0
      remedy    = "The trail is not whole: records are missing for an hour, or two contradict one another, or a digest is not what it was. `gatehouse audit verify --aws ${var.name_prefix}` tells what, where, and what it proves."
    }
    head-untold = {
      namespace = "Gatehouse", metric = "head_untold", statistic = "Sum", dimensions = local.of_sealer
      period    = 3600, above = 0
      remedy    = "A day's head was not told to this topic; it is tried again each hour. Keep it elsewhere yourself: the log of ${local.sealer} has it (code head_untold)."
    }
    detection-failed = {
      namespace = "Gatehouse", metric = "detection_failed", statistic = "Sum", dimensions = local.of_detection
      period    = 3600, above = 1
      remedy    = "Nobody is told who looks suspicious: Athena, the bucket or the topic cannot be used. Read the log group /aws/lambda/${local.detection}; `gatehouse audit suspicious --aws ${var.name_prefix}` asks by hand."
    }
    trail-unanswered = {
      namespace = "Gatehouse", metric = "trail_unanswered", statistic = "Sum", dimensions = local.of_sealer
      period    = 3600, above = 0
      remedy    = "Requests have no outcome: their function was killed in mid-request. What they may have cost is booked. `gatehouse audit verify` names them."
    }
  })

  alarms_of_workers = {
    for pair in setproduct(keys(local.of_workers), ["Errors", "Throttles"]) : "${pair[0]}-${lower(pair[1])}" => {
      namespace = "AWS/Lambda", metric = pair[1], statistic = "Sum", dimensions = { FunctionName = local.of_workers[pair[0]] }
      period    = 900, above = pair[1] == "Errors" ? 0 : 10
      remedy    = "The ${pair[0]} ends before its work does, or is not let to run: read the log group /aws/lambda/${local.of_workers[pair[0]]}. What it leaves is taken up by the next run."
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

# Whatever the reason: messages wait, or are with the drain again and again, and none is done with for half an hour. SQS
# counts no age of what was received three times, and a drain that does not start writes no metric. Under traffic some
# message is always under way: only that none is taken off tells.
resource "aws_cloudwatch_metric_alarm" "stalled" {
  for_each = merge({ audit = local.of_audit }, local.loads ? { warehouse = local.of_warehouse } : {})

  alarm_name          = "${var.name_prefix}-${each.key}-stalled"
  alarm_description   = "Messages wait in ${each.value.QueueName}, and for half an hour none was done with: ${local.drain} does not start, may not take them, or fails at each. Read the log group /aws/lambda/${local.drain}, and look at its event source mapping."
  evaluation_periods  = 6
  datapoints_to_alarm = 6
  comparison_operator = "GreaterThanThreshold"
  threshold           = 0
  treat_missing_data  = "notBreaching"

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]

  metric_query {
    id          = "stalled"
    label       = "messages that wait while none is done with"
    expression  = "IF(FILL(deleted, 0) < 1, visible + hidden, 0)"
    return_data = true
  }

  dynamic "metric_query" {
    for_each = {
      visible = { metric = "ApproximateNumberOfMessagesVisible", stat = "Maximum" }
      hidden  = { metric = "ApproximateNumberOfMessagesNotVisible", stat = "Maximum" }
      deleted = { metric = "NumberOfMessagesDeleted", stat = "Sum" }
    }

    content {
      id = metric_query.key

      metric {
        namespace   = "AWS/SQS"
        metric_name = metric_query.value.metric
        dimensions  = each.value
        stat        = metric_query.value.stat
        period      = 300
      }
    }
  }
}

# It writes nothing of itself where all is well, and its schedule may be off.
resource "aws_cloudwatch_metric_alarm" "unlooked" {
  alarm_name          = "${var.name_prefix}-detection-missing"
  alarm_description   = "Detection has not run for two hours: nobody is told who looks suspicious. Look at the schedule ${local.detection}."
  namespace           = "AWS/Lambda"
  metric_name         = "Invocations"
  dimensions          = { FunctionName = module.detection.name }
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 2
  datapoints_to_alarm = 2
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"

  alarm_actions = [aws_sns_topic.alarms.arn]
  ok_actions    = [aws_sns_topic.alarms.arn]
}

# An hour's digest is there ten minutes past the next; silence for three hours is no sealer at work.
resource "aws_cloudwatch_metric_alarm" "unsealed" {
  alarm_name          = "${var.name_prefix}-seal-missing"
  alarm_description   = "The audit trail is not sealed any more: until it is, what is dropped from its newest hours does not show. Read the log group /aws/lambda/${local.sealer}; the next run makes up for all hours."
  namespace           = "Gatehouse"
  metric_name         = "sealed"
  dimensions          = local.of_sealer
  statistic           = "Sum"
  period              = 3600
  evaluation_periods  = 3
  datapoints_to_alarm = 3
  comparison_operator = "LessThanThreshold"
  threshold           = 1
  treat_missing_data  = "breaching"

  alarm_actions = [aws_sns_topic.alarms.arn]
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
