# The store of record, the drain and the sealer: what is kept, and who may do what to it.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  url_auth             = "NONE"
  reserved_concurrency = 10
  spend_per_hour_usd   = 20
  alarm_emails         = ["oncall@example.com"]
  # Any file will do: nothing is uploaded.
  zip_path       = "tests/drain.tftest.hcl"
  drain_zip_path = "tests/drain.tftest.hcl"
}

run "keeps_the_trail_locked_encrypted_and_private" {
  assert {
    condition     = aws_s3_bucket.audit.bucket == "gatehouse-audit-123456789012" && aws_s3_bucket.audit.object_lock_enabled && !aws_s3_bucket.audit.force_destroy
    error_message = "The bucket is another, or can be emptied."
  }

  assert {
    condition     = aws_s3_bucket_object_lock_configuration.audit[0].rule[0].default_retention[0].mode == "GOVERNANCE" && aws_s3_bucket_object_lock_configuration.audit[0].rule[0].default_retention[0].days == 400
    error_message = "Objects are not locked."
  }

  assert {
    condition     = aws_s3_bucket_versioning.audit.versioning_configuration[0].status == "Enabled"
    error_message = "What is deleted is gone."
  }

  assert {
    condition = alltrue([
      for rule in aws_s3_bucket_server_side_encryption_configuration.audit.rule :
      rule.apply_server_side_encryption_by_default[0].sse_algorithm == "aws:kms" && rule.apply_server_side_encryption_by_default[0].kms_master_key_id == aws_kms_key.bundle.arn
    ])
    error_message = "The trail is not encrypted with the bundle's key."
  }

  assert {
    condition     = aws_s3_bucket_public_access_block.audit.block_public_acls && aws_s3_bucket_public_access_block.audit.block_public_policy && aws_s3_bucket_public_access_block.audit.ignore_public_acls && aws_s3_bucket_public_access_block.audit.restrict_public_buckets
    error_message = "The bucket can be made public."
  }

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.audit_bucket.statement : statement.sid => [statement.effect, statement.actions, { for condition in statement.condition : "${condition.test} ${condition.variable}" => condition.values }] }) == jsonencode({
      NothingIsReplaced          = ["Deny", ["s3:PutObject"], { "Null s3:if-none-match" = ["true"] }]
      NothingUnencryptedOnTheWay = ["Deny", ["s3:*"], { "Bool aws:SecureTransport" = ["false"] }]
    })
    error_message = "Objects can be replaced, or read in clear text."
  }
}

run "lets_one_store_and_the_other_seal" {
  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.drain.statement : statement.sid => sort(statement.actions) }) == jsonencode({
      PutAside  = ["sqs:SendMessage"]
      Store     = ["s3:GetObject", "s3:PutObject"]
      TakeOver  = ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
      UseTheKey = ["kms:Decrypt", "kms:GenerateDataKey"]
    })
    error_message = "The drain may do something else."
  }

  # Whoever stores records must not be able to seal, nor whoever seals to store them.
  assert {
    condition     = !anytrue([for statement in data.aws_iam_policy_document.drain.statement : contains(statement.actions, "kms:Sign") || anytrue([for resource in statement.resources : strcontains(resource, "digests")])])
    error_message = "The drain can seal."
  }

  assert {
    condition     = !anytrue([for statement in data.aws_iam_policy_document.sealer.statement : contains(statement.actions, "s3:PutObject") && !contains(["NoteWhatWasTold", "WriteDigests"], statement.sid)]) && one([for statement in data.aws_iam_policy_document.sealer.statement : statement.resources if statement.sid == "WriteDigests"]) == toset(["${aws_s3_bucket.audit.arn}/digests/*"])
    error_message = "The sealer can write something else than digests."
  }

  assert {
    condition     = jsonencode([for statement in data.aws_iam_policy_document.seal_key.statement : [statement.effect, sort(statement.actions), one(statement.condition).test, one(statement.condition).values] if statement.sid == "NobodyElseSeals"]) == jsonencode([["Deny", ["kms:Sign"], "ArnNotEquals", ["arn:aws:iam::123456789012:role/gatehouse-sealer"]]])
    error_message = "Somebody else may use the sealing key."
  }

  assert {
    condition     = aws_kms_key.seal.key_usage == "SIGN_VERIFY" && aws_kms_key.seal.customer_master_key_spec == "ECC_NIST_P256"
    error_message = "The sealing key is of another kind than the verifier takes."
  }
}

run "takes_records_over_in_batches_that_fail_in_part" {
  assert {
    condition     = contains(aws_lambda_event_source_mapping.drain.function_response_types, "ReportBatchItemFailures")
    error_message = "One message that fails fails all of its batch."
  }

  assert {
    condition     = aws_sqs_queue.audit.visibility_timeout_seconds >= 6 * local.drain_timeout_seconds + 20
    error_message = "A batch comes again while it is still being stored."
  }

  assert {
    condition     = aws_scheduler_schedule.sealer.schedule_expression == "cron(10 * * * ? *)" && jsondecode(aws_scheduler_schedule.sealer.target[0].input) == { seal = true }
    error_message = "Nobody seals."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.unsealed.treat_missing_data == "breaching"
    error_message = "A sealer that is silent wakes nobody."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.unlooked.treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.unlooked.metric_name == "Invocations" && aws_cloudwatch_metric_alarm.unlooked.dimensions == tomap({ FunctionName = "gatehouse-detection" })
    error_message = "Detection that is never started wakes nobody."
  }

  # Athena finds each partition by itself, where the drain puts it.
  assert {
    condition     = aws_glue_catalog_table.records.parameters["storage.location.template"] == "s3://gatehouse-audit-123456789012/records/dt=$${dt}/hour=$${hour}/" && aws_glue_catalog_table.records.parameters["projection.hour.digits"] == "2"
    error_message = "Athena looks elsewhere."
  }
}

# It reads everything, and may change nothing but its own marks.
run "lets_detection_ask_mark_and_tell" {
  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.detection.statement : statement.sid => sort(statement.actions) }) == jsonencode({
      Ask             = ["athena:GetQueryExecution", "athena:GetQueryResults", "athena:StartQueryExecution", "athena:StopQueryExecution"]
      FindAnswers     = ["s3:GetBucketLocation", "s3:ListBucket"]
      FindThem        = ["s3:GetBucketLocation", "s3:ListBucket"]
      KeepAnswers     = ["s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"]
      KnowTheTable    = ["glue:GetDatabase", "glue:GetPartitions", "glue:GetTable"]
      Mark            = ["s3:GetObject", "s3:PutObject"]
      ReadRecords     = ["s3:GetObject"]
      Tell            = ["sns:Publish"]
      UseTheKey       = ["kms:Decrypt", "kms:GenerateDataKey"]
      UseTheTopicsKey = ["kms:Decrypt", "kms:GenerateDataKey"]
    })
    error_message = "Detection may do something else."
  }

  assert {
    condition     = toset(flatten([for statement in data.aws_iam_policy_document.detection.statement : statement.resources if contains(statement.actions, "s3:PutObject")])) == toset(["${aws_s3_bucket.audit.arn}/detections/*", "arn:aws:s3:::gatehouse-answers-123456789012/*"])
    error_message = "Detection may write elsewhere than its marks and Athena's answers."
  }

  assert {
    condition     = aws_scheduler_schedule.detection.schedule_expression == "rate(15 minutes)" && jsondecode(aws_scheduler_schedule.detection.target[0].input) == { detect = true }
    error_message = "Nobody looks."
  }

  assert {
    condition     = toset(keys(aws_athena_named_query.report)) == toset(["blocked", "costs", "intents", "opens", "rules", "suspicious"]) && alltrue([for query in values(aws_athena_named_query.report) : !strcontains(query.query, "$${") && strcontains(query.query, "FROM records\n    WHERE dt >= date_format(") && query.workgroup == "gatehouse-audit"])
    error_message = "A report is missing in Athena, or asks another table."
  }
}

run "has_no_warehouse_unless_asked" {
  assert {
    condition     = length(aws_sqs_queue.warehouse) == 0 && length(aws_lambda_event_source_mapping.warehouse) == 0 && !anytrue([for name in keys(aws_cloudwatch_metric_alarm.plain) : startswith(name, "warehouse-")])
    error_message = "There is a warehouse that nobody asked for."
  }
}

run "loads_the_warehouse_from_a_queue_of_its_own" {
  variables {
    warehouse = {
      dataset         = "my-project.audit"
      google_audience = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gatehouse/providers/audit"
      service_account = "gatehouse-audit@my-project.iam.gserviceaccount.com"
    }
  }

  assert {
    condition     = aws_sqs_queue.warehouse[0].kms_master_key_id == aws_kms_key.bundle.arn && aws_sqs_queue.warehouse[0].message_retention_seconds == 1209600 && aws_sqs_queue.warehouse[0].visibility_timeout_seconds >= 6 * local.drain_timeout_seconds + 20
    error_message = "The queue is not encrypted, drops keys before SQS must, or shows them while they are loaded."
  }

  assert {
    condition     = jsondecode(aws_sqs_queue.warehouse[0].redrive_policy) == { deadLetterTargetArn = aws_sqs_queue.warehouse_dead[0].arn, maxReceiveCount = 96 }
    error_message = "What BigQuery does not take is not set aside, or too soon."
  }

  assert {
    condition     = contains(aws_lambda_event_source_mapping.warehouse[0].function_response_types, "ReportBatchItemFailures") && aws_lambda_event_source_mapping.warehouse[0].scaling_config[0].maximum_concurrency + aws_lambda_event_source_mapping.drain.scaling_config[0].maximum_concurrency <= 10
    error_message = "One object that fails fails all of its batch, or the mappings throttle each other."
  }

  assert {
    condition     = one([for statement in data.aws_iam_policy_document.drain.statement : statement.actions if statement.sid == "HandOn"]) == toset(["sqs:SendMessage"]) && length(one([for statement in data.aws_iam_policy_document.drain.statement : statement.resources if statement.sid == "TakeOver"])) == 2
    error_message = "The drain may not hand keys on, or not take them."
  }

  # Whatever fails, and however often: none is done with while some wait.
  assert {
    condition = toset(keys(aws_cloudwatch_metric_alarm.stalled)) == toset(["audit", "warehouse"]) && alltrue([
      for name, alarm in aws_cloudwatch_metric_alarm.stalled :
      one([for query in alarm.metric_query : query.expression if query.id == "stalled"]) == "IF(FILL(deleted, 0) < 1, visible + hidden, 0)" && alltrue([for query in alarm.metric_query : query.metric[0].dimensions.QueueName == "gatehouse-${name}" if query.id != "stalled"])
    ])
    error_message = "A queue of which nothing is taken off wakes nobody."
  }

  # SQS counts no age of what was received three times.
  assert {
    condition     = alltrue([for name in ["audit-age", "warehouse-age"] : aws_cloudwatch_metric_alarm.plain[name].threshold < 3 * aws_sqs_queue.warehouse[0].visibility_timeout_seconds])
    error_message = "An alarm of age can never ring for what fails."
  }

  # Sent back by mistake, they would be stored twice.
  assert {
    condition     = toset(one([for statement in data.aws_iam_policy_document.drain.statement : statement.resources if statement.sid == "PutAside"])) == toset([aws_sqs_queue.audit_dead.arn, aws_sqs_queue.warehouse_poison[0].arn]) && local.warehouse_environment.WAREHOUSE_POISON_QUEUE_URL == aws_sqs_queue.warehouse_poison[0].url && aws_sqs_queue.warehouse_poison[0].kms_master_key_id == aws_kms_key.bundle.arn
    error_message = "What BigQuery will never take lies among records that are stored nowhere else."
  }

  assert {
    condition     = toset([for name in keys(aws_cloudwatch_metric_alarm.plain) : name if startswith(name, "warehouse-")]) == toset(["warehouse-age", "warehouse-dead", "warehouse-failed", "warehouse-poison", "warehouse-refused"]) && strcontains(aws_cloudwatch_dashboard.bundle.dashboard_body, "warehouse_poison")
    error_message = "A warehouse that stands still wakes nobody, or is not on the dashboard."
  }
}

run "refuses_a_warehouse_that_google_would_not_know" {
  command = plan

  variables {
    warehouse = {
      dataset         = "audit"
      google_audience = "https://iam.googleapis.com"
      service_account = "me@example.com"
    }
  }

  expect_failures = [var.warehouse]
}

run "leaves_the_lock_off_when_asked" {
  variables {
    audit_lock_mode     = "off"
    deletion_protection = false
  }

  assert {
    condition     = length(aws_s3_bucket_object_lock_configuration.audit) == 0 && !aws_s3_bucket.audit.object_lock_enabled && aws_s3_bucket.audit.force_destroy
    error_message = "The lock is on, or the bucket cannot be destroyed."
  }
}

run "refuses_another_lock" {
  command = plan

  variables {
    audit_lock_mode      = "governance"
    audit_retention_days = 0
  }

  expect_failures = [var.audit_lock_mode, var.audit_retention_days]
}
