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
  zip_path = "tests/bundle.tftest.hcl"
}

run "keeps_everything_under_the_bundles_key" {
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
}

run "bounds_the_ledger" {
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
}

# The emulation keeps no such attribute, so an apply there never makes this.
run "takes_dead_records_from_the_audit_queue_only" {
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
      maxReceiveCount     = 8
    }
    error_message = "A record that cannot be stored is not set aside."
  }
}

run "leaves_that_to_aws_beside_an_emulation" {
  variables {
    local_endpoint = "http://127.0.0.1:5555"
  }

  assert {
    condition     = length(aws_sqs_queue_redrive_allow_policy.audit_dead) == 0
    error_message = "The apply would wait for an attribute that never comes."
  }
}

run "writes_an_empty_policy_where_none_is_given" {
  assert {
    condition     = jsondecode(aws_dynamodb_table_item.policy.item) == { id = { S = "policy" }, toml = { S = "" } }
    error_message = "The function would refuse for want of a policy, or enforce another than the one built in."
  }
}

run "writes_the_given_policy_word_for_word" {
  variables {
    policy_file = "tests/bundle.tftest.hcl"
  }

  assert {
    condition     = jsondecode(aws_dynamodb_table_item.policy.item).toml.S == file("tests/bundle.tftest.hcl")
    error_message = "The policy is another than the file."
  }
}

run "tells_someone_of_every_alarm" {
  assert {
    condition = alltrue([
      for alarm in concat([aws_cloudwatch_metric_alarm.blocked], values(aws_cloudwatch_metric_alarm.plain)) :
      alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.treat_missing_data == "notBreaching" && startswith(alarm.alarm_name, "gatehouse-")
    ])
    error_message = "An alarm tells nobody, or goes off where nobody calls."
  }

  assert {
    condition = jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.plain : name => "${alarm.namespace} ${alarm.metric_name} > ${alarm.threshold} in ${alarm.period}" }) == jsonencode({
      audit-age      = "AWS/SQS ApproximateAgeOfOldestMessage > 86400 in 300"
      audit-dead     = "AWS/SQS ApproximateNumberOfMessagesVisible > 0 in 300"
      audit-failed   = "Gatehouse audit_failed > 0 in 60"
      budget-overrun = "Gatehouse budget_overrun > 0 in 300"
      errors         = "AWS/Lambda Errors > 0 in 300"
      fail-open      = "Gatehouse fail_open > 0 in 60"
      key-rejected   = "Gatehouse key_rejected > 0 in 60"
      ledger-failed  = "Gatehouse ledger_failed > 0 in 60"
      policy-refused = "Gatehouse policy_refused > 0 in 300"
      spend          = "Gatehouse cost_micros > 20000000 in 3600"
      throttles      = "AWS/Lambda Throttles > 0 in 300"
    })
    error_message = "The alarms are others."
  }

  assert {
    condition = alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.plain :
      alarm.dimensions == tomap(alarm.namespace == "Gatehouse" ? { function = "gatehouse-completion" } : alarm.namespace == "AWS/Lambda" ? { FunctionName = "gatehouse-completion" } : { QueueName = name == "audit-dead" ? "gatehouse-audit-dead" : "gatehouse-audit" })
    ])
    error_message = "An alarm watches a metric that nobody writes."
  }

  assert {
    condition     = jsonencode([for subscription in values(aws_sns_topic_subscription.alarms) : [subscription.protocol, subscription.endpoint]]) == jsonencode([["email", "oncall@example.com"]])
    error_message = "Nobody is mailed."
  }
}

# Otherwise the alarms deliver nothing, and say nothing of it.
run "lets_cloudwatch_use_the_topic_and_its_key" {
  assert {
    condition     = aws_sns_topic.alarms.kms_master_key_id == aws_kms_key.alarms.arn
    error_message = "The topic is not under its own key."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.alarm_key.statement :
      anytrue([for principal in statement.principals : contains(principal.identifiers, "cloudwatch.amazonaws.com")]) && length(setsubtract(["kms:Decrypt", "kms:GenerateDataKey*"], statement.actions)) == 0
    ])
    error_message = "CloudWatch may not use the topic's key."
  }

  assert {
    condition = anytrue([
      for statement in data.aws_iam_policy_document.alarms.statement :
      anytrue([for principal in statement.principals : contains(principal.identifiers, "cloudwatch.amazonaws.com")]) && contains(statement.actions, "sns:Publish")
    ])
    error_message = "CloudWatch may not publish to the topic."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.bundle_key.statement :
      alltrue([for principal in statement.principals : principal.type == "AWS" || contains(principal.identifiers, "logs.eu-west-1.amazonaws.com") && length(statement.condition) == 1])
    ])
    error_message = "A service other than the logs, or the logs of others, may use the bundle's key."
  }
}

run "lets_itself_be_deleted_when_told" {
  variables {
    deletion_protection  = false
    secret_recovery_days = 0
  }

  assert {
    condition     = !anytrue([for table in [aws_dynamodb_table.callers, aws_dynamodb_table.ledger, aws_dynamodb_table.policy] : table.deletion_protection_enabled]) && aws_secretsmanager_secret.pepper.recovery_window_in_days == 0
    error_message = "A destroy would fail half-way."
  }
}
