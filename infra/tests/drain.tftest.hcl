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
    condition     = !anytrue([for statement in data.aws_iam_policy_document.sealer.statement : contains(statement.actions, "s3:PutObject") && statement.sid != "WriteDigests"]) && one([for statement in data.aws_iam_policy_document.sealer.statement : statement.resources if statement.sid == "WriteDigests"]) == toset(["${aws_s3_bucket.audit.arn}/digests/*"])
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
    condition     = aws_sqs_queue.audit.visibility_timeout_seconds >= 6 * local.drain_timeout_seconds
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

  # Athena finds each partition by itself, where the drain puts it.
  assert {
    condition     = aws_glue_catalog_table.records.parameters["storage.location.template"] == "s3://gatehouse-audit-123456789012/records/dt=$${dt}/hour=$${hour}/" && aws_glue_catalog_table.records.parameters["projection.hour.digits"] == "2"
    error_message = "Athena looks elsewhere."
  }
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
