locals {
  # A row each: what is asked, what it costs, whether Gatehouse is well, whether AWS is. A widget's lines are metrics
  # without dimensions of callers; SEARCH finds the values of decision, category, code and part.
  rows = concat([
    [
      { title = "Requests by decision", search = "{Gatehouse,function,decision} MetricName=\"requests\"" },
      { title = "Rules that matched", search = "{Gatehouse,function,category} MetricName=\"rule_matches\"" },
      { title = "Refused, by code", search = "{Gatehouse,function,code} MetricName=\"refused\"" },
    ],
    [
      { title = "Spend, in millionths of a dollar", metrics = ["cost_micros"] },
      { title = "Tokens", metrics = ["tokens_input", "tokens_output", "tokens_thoughts", "tokens_cached", "tokens_tool"] },
      { title = "Latency at the 99th percentile, in ms", metrics = ["added_latency_ms", "upstream_latency_ms"], stat = "p99" },
    ],
    [
      { title = "What must be nothing", metrics = ["budget_overrun", "key_rejected", "model_gone", "policy_refused", "audit_failed", "ledger_failed"] },
      { title = "Passed unchecked, by part", search = "{Gatehouse,function,part} MetricName=\"fail_open\"" },
      { title = "Blocked", metrics = ["blocked"] },
    ],
    [
      {
        title = "Lambda"
        lines = [for metric in ["Invocations", "Errors", "Throttles", "Url5xxCount"] : ["AWS/Lambda", metric, "FunctionName", module.completion.name]]
      },
      {
        title = "Requests at a time"
        stat  = "Maximum"
        lines = [["AWS/Lambda", "ConcurrentExecutions", "FunctionName", module.completion.name]]
      },
      {
        title = "Audit records: waiting, oldest in seconds, dead"
        stat  = "Maximum"
        lines = [
          ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.audit.name],
          ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", aws_sqs_queue.audit.name],
          ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", aws_sqs_queue.audit_dead.name],
        ]
      },
    ],
    [
      {
        title = "The trail: hours sealed, what is wrong with it"
        lines = concat(
          [for metric in ["sealed", "trail_broken", "trail_unanswered", "head_untold"] : ["Gatehouse", metric, "function", module.sealer.name]],
          [for metric in ["audit_poison", "drain_failed"] : ["Gatehouse", metric, "function", module.drain.name]],
        )
      },
      {
        title = "Drain, sealer, detection: errors, throttles"
        lines = [for pair in setproduct([module.drain.name, module.sealer.name, module.detection.name], ["Errors", "Throttles"]) : ["AWS/Lambda", pair[1], "FunctionName", pair[0]]]
      },
      {
        title = "Drain: records taken over"
        lines = [["AWS/SQS", "NumberOfMessagesDeleted", "QueueName", aws_sqs_queue.audit.name]]
      },
    ],
    concat(
      [
        {
          title = "Who looks suspicious: told of, and looks that failed"
          lines = [for metric in ["suspicious", "detection_failed"] : ["Gatehouse", metric, "function", module.detection.name]]
        },
      ],
      [
        for queue in aws_sqs_queue.warehouse : {
          title = "Warehouse: failed, refused, poison, objects waiting, oldest in seconds, dead"
          lines = concat(
            [for metric in ["warehouse_failed", "warehouse_refused", "warehouse_poison"] : ["Gatehouse", metric, "function", module.drain.name]],
            [for metric in ["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"] : ["AWS/SQS", metric, "QueueName", queue.name, { stat = "Maximum" }]],
            [["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", one(aws_sqs_queue.warehouse_dead[*].name), { stat = "Maximum" }]],
          )
        }
      ],
    ),
  ], [for row in [local.rotation_widgets] : row if local.rotates])
}

resource "aws_cloudwatch_dashboard" "bundle" {
  dashboard_name = var.name_prefix

  dashboard_body = jsonencode({
    widgets = concat(
      [{
        type       = "alarm", x = 0, y = 0, width = 24, height = 3
        properties = { title = "Alarms", alarms = concat([aws_cloudwatch_metric_alarm.blocked.arn, aws_cloudwatch_metric_alarm.unlooked.arn, aws_cloudwatch_metric_alarm.unsealed.arn], values(aws_cloudwatch_metric_alarm.plain)[*].arn, values(aws_cloudwatch_metric_alarm.rotation)[*].arn, values(aws_cloudwatch_metric_alarm.stalled)[*].arn) }
      }],
      flatten([
        for row, widgets in local.rows : [
          for column, widget in widgets : {
            type = "metric", x = column * 8, y = 3 + row * 6, width = 8, height = 6
            properties = {
              title  = widget.title
              region = local.region
              view   = "timeSeries"
              period = 300
              stat   = try(widget.stat, "Sum")
              metrics = try(
                widget.lines,
                [for metric in widget.metrics : ["Gatehouse", metric, "function", module.completion.name]],
                [[{ expression = "SEARCH('${widget.search} function=\"${module.completion.name}\"', 'Sum', 300)" }]],
              )
            }
          }
        ]
      ]),
    )
  })
}
