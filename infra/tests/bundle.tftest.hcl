# What the function stands on: keys, tables, queues, secrets, policy, alarms.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  url_auth             = "NONE"
  reserved_concurrency = 10
  spend_per_hour_usd   = 20
  alarm_emails         = ["oncall@example.com"]
  # Any file will do: nothing is uploaded.
  zip_path       = "tests/bundle.tftest.hcl"
  drain_zip_path = "tests/bundle.tftest.hcl"
}

run "stands_on_what_is_kept_bounded_and_watched" {
  # Everything is kept under the bundle's key, and can be brought back.
  assert {
    condition = alltrue([
      for table in [aws_dynamodb_table.callers, aws_dynamodb_table.ledger, aws_dynamodb_table.policy] :
      table.server_side_encryption[0].kms_key_arn == aws_kms_key.bundle.arn && table.point_in_time_recovery[0].enabled && table.billing_mode == "PAY_PER_REQUEST" && table.deletion_protection_enabled
    ])
    error_message = "A table is not encrypted with the bundle's key, cannot be brought back, or can be deleted."
  }

  assert {
    condition = alltrue([
      for queue in [aws_sqs_queue.audit, aws_sqs_queue.audit_dead] :
      queue.kms_master_key_id == aws_kms_key.bundle.arn && queue.message_retention_seconds == 1209600
    ])
    error_message = "A queue is not encrypted with the bundle's key, or drops records before SQS must."
  }

  assert {
    condition = alltrue([
      for secret in [aws_secretsmanager_secret.gemini_key, aws_secretsmanager_secret.pepper] :
      secret.kms_key_id == aws_kms_key.bundle.arn && secret.recovery_window_in_days == 30
    ])
    error_message = "A secret is not encrypted with the bundle's key, or is gone at once."
  }

  assert {
    condition     = aws_kms_key.bundle.enable_key_rotation && aws_kms_key.alarms.enable_key_rotation
    error_message = "A key is never rotated."
  }

  # The ledger is bounded.
  assert {
    condition     = aws_dynamodb_table.ledger.on_demand_throughput[0].max_write_request_units == 4000
    error_message = "The ledger's bill has no ceiling."
  }

  assert {
    condition     = one(aws_dynamodb_table.ledger.ttl).attribute_name == "expires" && one(aws_dynamodb_table.ledger.ttl).enabled
    error_message = "The ledger grows for ever."
  }

  assert {
    condition     = aws_dynamodb_table.ledger.hash_key == "subject" && aws_dynamodb_table.ledger.range_key == "window"
    error_message = "The ledger has another key than the function writes."
  }

  # Dead records come from the audit queue only. An emulation keeps no such attribute: an apply there never makes this.
  assert {
    condition = jsondecode(aws_sqs_queue_redrive_allow_policy.audit_dead[0].redrive_allow_policy) == {
      redrivePermission = "byQueue"
      sourceQueueArns   = [aws_sqs_queue.audit.arn]
    }
    error_message = "Other queues may drop their dead here."
  }

  assert {
    condition = jsondecode(aws_sqs_queue.audit.redrive_policy) == {
      deadLetterTargetArn = aws_sqs_queue.audit_dead.arn
      maxReceiveCount     = 94
    }
    error_message = "A record that cannot be stored is not set aside."
  }

  # An empty policy is written where none is given.
  assert {
    condition     = jsondecode(aws_dynamodb_table_item.policy.item) == { id = { S = "policy" }, toml = { S = "" } }
    error_message = "The function would refuse for want of a policy, or enforce another than the one built in."
  }

  # Someone is told of every alarm.
  assert {
    condition = alltrue([
      for alarm in concat([aws_cloudwatch_metric_alarm.blocked, aws_cloudwatch_metric_alarm.unlooked, aws_cloudwatch_metric_alarm.unsealed], values(aws_cloudwatch_metric_alarm.plain), values(aws_cloudwatch_metric_alarm.stalled)) :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.treat_missing_data == (alarm.metric_name == "Invocations" || alarm.metric_name == "sealed" ? "breaching" : "notBreaching") && startswith(alarm.alarm_name, "gatehouse-")
    ])
    error_message = "An alarm tells nobody, or goes off where nobody calls."
  }

  assert {
    condition = jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.plain : name => "${alarm.namespace} ${alarm.metric_name} > ${alarm.threshold} in ${alarm.period}" }) == jsonencode({
      answers-5xx         = "AWS/Lambda Url5xxCount > 5 in 300"
      audit-age           = "AWS/SQS ApproximateAgeOfOldestMessage > 1800 in 300"
      audit-dead          = "AWS/SQS ApproximateNumberOfMessagesVisible > 0 in 300"
      audit-failed        = "Gatehouse audit_failed > 0 in 60"
      audit-poison        = "Gatehouse audit_poison > 0 in 300"
      budget-overrun      = "Gatehouse budget_overrun > 0 in 300"
      detection-errors    = "AWS/Lambda Errors > 0 in 900"
      detection-failed    = "Gatehouse detection_failed > 1 in 3600"
      detection-throttles = "AWS/Lambda Throttles > 10 in 900"
      drain-errors        = "AWS/Lambda Errors > 0 in 900"
      drain-failed        = "Gatehouse drain_failed > 0 in 300"
      drain-throttles     = "AWS/Lambda Throttles > 10 in 900"
      errors              = "AWS/Lambda Errors > 0 in 300"
      fail-open           = "Gatehouse fail_open > 0 in 60"
      head-untold         = "Gatehouse head_untold > 0 in 3600"
      key-rejected        = "Gatehouse key_rejected > 0 in 60"
      ledger-failed       = "Gatehouse ledger_failed > 0 in 60"
      model-gone          = "Gatehouse model_gone > 0 in 300"
      policy-refused      = "Gatehouse policy_refused > 0 in 300"
      sealer-errors       = "AWS/Lambda Errors > 0 in 900"
      sealer-throttles    = "AWS/Lambda Throttles > 10 in 900"
      spend               = "Gatehouse cost_micros > 20000000 in 3600"
      throttles           = "AWS/Lambda Throttles > 0 in 300"
      trail-broken        = "Gatehouse trail_broken > 0 in 300"
      trail-unanswered    = "Gatehouse trail_unanswered > 0 in 3600"
    })
    error_message = "The alarms are others."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.plain :
      alarm.dimensions == tomap(alarm.namespace == "Gatehouse" ? { function = startswith(name, "trail-") || name == "head-untold" ? "gatehouse-sealer" : name == "detection-failed" ? "gatehouse-detection" : contains(["audit-poison", "drain-failed"], name) ? "gatehouse-drain" : "gatehouse-completion" } : alarm.namespace == "AWS/Lambda" ? { FunctionName = "gatehouse-${startswith(name, "drain-") ? "drain" : startswith(name, "sealer-") ? "sealer" : startswith(name, "detection-") ? "detection" : "completion"}" } : { QueueName = name == "audit-dead" ? "gatehouse-audit-dead" : "gatehouse-audit" })
    ])
    error_message = "An alarm watches a metric that nobody writes."
  }

  # Strangers are refused unjudged: a flood of them must not hide that callers are blocked.
  assert {
    condition = jsonencode({ for query in aws_cloudwatch_metric_alarm.blocked.metric_query : query.id => [for metric in query.metric : [metric.namespace, metric.metric_name, metric.stat, metric.period, metric.dimensions]] }) == jsonencode({
      blocked = [["Gatehouse", "blocked", "Sum", 900, { function = "gatehouse-completion" }]]
      judged  = [["Gatehouse", "blocked", "SampleCount", 900, { function = "gatehouse-completion" }]]
      percent = []
    })
    error_message = "What was blocked is not measured against what was judged."
  }

  assert {
    condition     = jsonencode([for query in aws_cloudwatch_metric_alarm.blocked.metric_query : query.expression if query.id == "percent"]) == jsonencode(["IF(judged >= 20, 100 * blocked / judged, 0)"]) && aws_cloudwatch_metric_alarm.blocked.threshold == 25
    error_message = "The alarm asks for another share, or of too few."
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.plain) : strcontains(aws_cloudwatch_dashboard.bundle.dashboard_body, "\"${alarm.metric_name}\"") || alarm.metric_name == "fail_open"]) && strcontains(aws_cloudwatch_dashboard.bundle.dashboard_body, "MetricName=\\\"fail_open\\\"")
    error_message = "What an alarm watches is not on the dashboard."
  }

  assert {
    condition     = jsonencode([for subscription in values(aws_sns_topic_subscription.alarms) : [subscription.protocol, subscription.endpoint]]) == jsonencode([["email", "oncall@example.com"]])
    error_message = "Nobody is mailed."
  }

  # CloudWatch may use the topic and its key. Otherwise the alarms deliver nothing, and say nothing of it.
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.alarms.arn
    error_message = "The topic is not under its own key."
  }

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.alarm_key.statement : statement.sid => [sort(statement.actions), sort(statement.resources), { for principal in statement.principals : principal.type => sort(principal.identifiers) }, { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) }] }) == jsonencode({
      AccountDecidesByItsPolicies = [["kms:*"], ["*"], { AWS = ["arn:aws:iam::123456789012:root"] }, {}]
      AlarmsReachTheTopic         = [["kms:Decrypt", "kms:GenerateDataKey*"], ["*"], { Service = ["cloudwatch.amazonaws.com"] }, { "StringEquals aws:SourceAccount" = ["123456789012"] }]
    })
    error_message = "CloudWatch may not use the topic's key, or others may."
  }

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.alarms.statement : statement.sid => [sort(statement.actions), sort(statement.resources), { for principal in statement.principals : principal.type => sort(principal.identifiers) }, { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) }] }) == jsonencode({
      AlarmsOfTheBundle = [["sns:Publish"], [aws_sns_topic.alarms.arn], { Service = ["cloudwatch.amazonaws.com"] }, {
        "ArnLike aws:SourceArn"          = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:gatehouse-*"]
        "StringEquals aws:SourceAccount" = ["123456789012"]
      }]
      DetectionTellsWhoIsSuspicious = [["sns:Publish"], [aws_sns_topic.alarms.arn], { AWS = [module.detection.role_arn] }, {}]
      TheSealerTellsTheHead         = [["sns:Publish"], [aws_sns_topic.alarms.arn], { AWS = [module.sealer.role_arn] }, {}]
    })
    error_message = "CloudWatch may not publish the bundle's alarms to the topic, or others may."
  }

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.bundle_key.statement : statement.sid => [sort(statement.actions), sort(statement.resources), { for principal in statement.principals : principal.type => sort(principal.identifiers) }, { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) }] }) == jsonencode({
      AccountDecidesByItsPolicies = [["kms:*"], ["*"], { AWS = ["arn:aws:iam::123456789012:root"] }, {}]
      LogGroupsOfTheBundle = [["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"], ["*"], { Service = ["logs.eu-west-1.amazonaws.com"] }, {
        "ArnLike kms:EncryptionContext:aws:logs:arn" = ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-*"]
      }]
    })
    error_message = "A service other than the logs, or the logs of others, may use the bundle's key."
  }
}

run "asks_an_emulation_for_nothing_it_cannot_keep" {
  variables {
    local_endpoint = "http://127.0.0.1:5555"
  }

  assert {
    condition     = length(aws_sqs_queue_redrive_allow_policy.audit_dead) == 0
    error_message = "The apply would wait for an attribute that never comes."
  }
}

run "writes_the_given_policy_and_lets_itself_be_deleted" {
  variables {
    policy_file          = "tests/bundle.tftest.hcl"
    deletion_protection  = false
    secret_recovery_days = 0
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.policy.item).toml.S == file("tests/bundle.tftest.hcl")
    error_message = "The policy is another than the file."
  }

  assert {
    condition     = !anytrue([for table in [aws_dynamodb_table.callers, aws_dynamodb_table.ledger, aws_dynamodb_table.policy] : table.deletion_protection_enabled]) && aws_secretsmanager_secret.pepper.recovery_window_in_days == 0
    error_message = "A destroy would fail half-way."
  }
}
