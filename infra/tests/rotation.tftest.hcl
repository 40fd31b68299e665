# How the key is replaced: not at all unless asked, by whom, and what that function may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  url_auth             = "NONE"
  reserved_concurrency = 10
  spend_per_hour_usd   = 20
  alarm_emails         = ["oncall@example.com"]
  # Any file will do: nothing is uploaded.
  zip_path          = "tests/rotation.tftest.hcl"
  rotation_zip_path = "tests/rotation.tftest.hcl"
  drain_zip_path    = "tests/rotation.tftest.hcl"
}

run "makes_nothing_unless_asked" {
  assert {
    condition     = length(module.rotation) == 0 && length(aws_secretsmanager_secret_rotation.gemini_key) == 0 && length(aws_cloudwatch_metric_alarm.rotation) == 0 && length(aws_cloudwatch_event_rule.rotation_look) == 0
    error_message = "A bundle without rotation pays for one."
  }

  assert {
    condition     = !strcontains(aws_cloudwatch_dashboard.bundle.dashboard_body, "gatehouse-rotation")
    error_message = "The dashboard shows a function that is not there."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.plain["key-rejected"].alarm_actions == toset([aws_sns_topic.alarms.arn]) && output.rotation_function_name == null
    error_message = "The alarm calls a function that is not there."
  }
}

run "mints_keys_once_a_month_and_not_on_apply" {
  variables {
    rotation = {
      google_project       = "p-1"
      google_audience      = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gatehouse/providers/aws"
      mint_service_account = "rotator@p-1.iam.gserviceaccount.com"
      key_service_account  = "caller@p-1.iam.gserviceaccount.com"
    }
  }

  assert {
    condition     = aws_secretsmanager_secret_rotation.gemini_key[0].rotate_immediately == false && aws_secretsmanager_secret_rotation.gemini_key[0].rotation_rules[0].schedule_expression == "cron(0 3 1 * ? *)" && aws_secretsmanager_secret_rotation.gemini_key[0].rotation_lambda_arn == module.rotation[0].arn
    error_message = "An apply rotates, or nothing ever does."
  }

  assert {
    condition = jsonencode({ for name, value in local.rotation_environment : name => value if value != null }) == jsonencode({
      BUNDLE               = "gatehouse"
      GATEHOUSE_LOG        = "info"
      GATEHOUSE_LOG_FORMAT = "json"
      GEMINI_BASE_URL      = "https://generativelanguage.googleapis.com"
      GEMINI_SECRET_ARN    = aws_secretsmanager_secret.gemini_key.arn
      GOOGLE_AUDIENCE      = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gatehouse/providers/aws"
      GOOGLE_PROJECT       = "p-1"
      KEYS                 = "auth"
      KEY_SERVICE_ACCOUNT  = "caller@p-1.iam.gserviceaccount.com"
      MINT_SERVICE_ACCOUNT = "rotator@p-1.iam.gserviceaccount.com"
      PROBE_MODEL          = "gemini-3.5-flash"
    })
    error_message = "The function is given other settings."
  }

  # Whatever it may do is in this list.
  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.rotation[0].statement : statement.sid => [sort(statement.actions), sort(statement.resources), { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) }] }) == jsonencode({
      BeCalledForIt = [["lambda:InvokeFunction"], ["arn:aws:lambda:eu-west-1:123456789012:function:gatehouse-rotation"], {}]
      OpenAndCloseTheSecret = [["kms:Decrypt", "kms:GenerateDataKey"], [aws_kms_key.bundle.arn], {
        "StringEquals kms:EncryptionContext:SecretARN" = [aws_secretsmanager_secret.gemini_key.arn]
        "StringEquals kms:ViaService"                  = ["secretsmanager.eu-west-1.amazonaws.com"]
      }]
      RotateKey = [["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:ListSecretVersionIds", "secretsmanager:PutSecretValue", "secretsmanager:RotateSecret", "secretsmanager:UpdateSecretVersionStage"], [aws_secretsmanager_secret.gemini_key.arn], {}]
    })
    error_message = "The function may do something else."
  }

  # Nobody else may call it.
  assert {
    condition = jsonencode([for permission in [aws_lambda_permission.rotation[0], aws_lambda_permission.rotation_look[0], aws_lambda_permission.rotation_alarm[0]] : [permission.principal, permission.source_account, permission.source_arn]]) == jsonencode([
      ["secretsmanager.amazonaws.com", "123456789012", null],
      ["events.amazonaws.com", null, "arn:aws:events:eu-west-1:123456789012:rule/gatehouse-rotation-look"],
      ["lambda.alarms.cloudwatch.amazonaws.com", "123456789012", "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:gatehouse-key-rejected"],
    ])
    error_message = "Others may call the function, or those who must may not."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.plain["key-rejected"].alarm_actions == toset([aws_sns_topic.alarms.arn, "arn:aws:lambda:eu-west-1:123456789012:function:gatehouse-rotation"]) && aws_cloudwatch_metric_alarm.plain["errors"].alarm_actions == toset([aws_sns_topic.alarms.arn])
    error_message = "A rejected key is not replaced before its time, or something else makes keys."
  }

  assert {
    condition = jsonencode({ for name, alarm in aws_cloudwatch_metric_alarm.rotation : name => "${alarm.namespace} ${alarm.metric_name} > ${alarm.threshold} in ${alarm.evaluation_periods} x ${alarm.period}" }) == jsonencode({
      rotation-failed        = "AWS/Lambda Errors > 0 in 1 x 300"
      rotation-key-gone      = "Gatehouse served_key_gone > 0 in 1 x 3600"
      rotation-key-in-use    = "Gatehouse key_in_use > 0 in 1 x 3600"
      rotation-overdue       = "Gatehouse rotation_overdue > 0 in 1 x 3600"
      rotation-stuck         = "Gatehouse pending_stuck > 0 in 2 x 3600"
      rotation-too-many-keys = "Gatehouse too_many_keys > 0 in 1 x 3600"
    })
    error_message = "The alarms are others."
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.rotation) : alarm.alarm_actions == toset([aws_sns_topic.alarms.arn]) && alarm.dimensions == tomap(alarm.namespace == "Gatehouse" ? { function = "gatehouse-rotation" } : { FunctionName = "gatehouse-rotation" })])
    error_message = "An alarm tells nobody, or watches a metric that nobody writes."
  }

  assert {
    condition     = alltrue([for alarm in values(aws_cloudwatch_metric_alarm.rotation) : strcontains(aws_cloudwatch_dashboard.bundle.dashboard_body, "\"${alarm.metric_name}\",\"${alarm.namespace == "Gatehouse" ? "function" : "FunctionName"}\",\"gatehouse-rotation\"")])
    error_message = "What an alarm watches is not on the dashboard."
  }
}

run "makes_no_key_where_they_are_supplied" {
  variables {
    rotation = { keys = "supplied", schedule_expression = "cron(30 4 ? * MON *)" }
  }

  assert {
    condition     = jsonencode([for statement in data.aws_iam_policy_document.rotation[0].statement : [statement.sid, sort(statement.actions)] if statement.sid != "OpenAndCloseTheSecret"]) == jsonencode([["RotateKey", ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue", "secretsmanager:UpdateSecretVersionStage"]]])
    error_message = "It may begin rotations, for which there is no key."
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.plain["key-rejected"].alarm_actions == toset([aws_sns_topic.alarms.arn]) && length(aws_lambda_permission.rotation_alarm) == 0
    error_message = "A rejected key begins a rotation that must fail."
  }
}

run "refuses_a_rotation_that_could_not_work" {
  command = plan

  variables {
    rotation = { google_project = "p-1" }
  }

  expect_failures = [var.rotation]
}

run "refuses_google_where_keys_are_supplied" {
  command = plan

  variables {
    rotation = { keys = "supplied", google_project = "p-1" }
  }

  expect_failures = [var.rotation]
}

run "refuses_auth_keys_that_are_bound_to_nobody" {
  command = plan

  variables {
    rotation = {
      google_project       = "p-1"
      google_audience      = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gatehouse/providers/aws"
      mint_service_account = "rotator@p-1.iam.gserviceaccount.com"
    }
  }

  expect_failures = [var.rotation]
}

run "refuses_a_rate" {
  command = plan

  variables {
    rotation = { keys = "supplied", schedule_expression = "rate(4 hours)" }
  }

  expect_failures = [var.rotation]
}

run "refuses_every_hour" {
  command = plan

  variables {
    rotation = { keys = "supplied", schedule_expression = "cron(0 */4 * * ? *)" }
  }

  expect_failures = [var.rotation]
}

run "refuses_a_stand_in_for_google_on_aws" {
  command = plan

  variables {
    rotation = { keys = "supplied", google_base_url = "http://127.0.0.1:9" }
  }

  expect_failures = [var.rotation]
}

run "refuses_a_zip_that_is_not_there" {
  command = plan

  variables {
    rotation          = { keys = "supplied" }
    rotation_zip_path = "nowhere.zip"
  }

  expect_failures = [var.rotation_zip_path]
}
