# Who may knock, what the function is given, what it may do.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  url_auth             = "NONE"
  reserved_concurrency = 10
  spend_per_hour_usd   = 20
  alarm_emails         = ["oncall@example.com"]
  # Any file will do: nothing is uploaded.
  zip_path       = "tests/completion.tftest.hcl"
  drain_zip_path = "tests/completion.tftest.hcl"
}

run "lets_everyone_knock_at_the_url_and_the_function_do_its_work" {
  assert {
    condition     = aws_lambda_function_url.completion.authorization_type == "NONE" && aws_lambda_function_url.completion.invoke_mode == "RESPONSE_STREAM"
    error_message = "The URL does not stream, or is not in mode NONE."
  }

  assert {
    condition     = length(aws_lambda_function_url.completion.cors) == 0
    error_message = "Browsers are let in."
  }

  assert {
    condition = jsonencode([for permission in values(aws_lambda_permission.url) : [permission.action, permission.principal, permission.function_url_auth_type]]) == jsonencode([
      ["lambda:InvokeFunctionUrl", "*", "NONE"]
    ])
    error_message = "The first permission is not for everyone, under the condition that the URL is in mode NONE."
  }

  assert {
    condition = jsonencode([for resource in values(jsondecode(aws_cloudformation_stack.url_permission.template_body).Resources) : resource]) == jsonencode([{
      Type = "AWS::Lambda::Permission"
      Properties = {
        Action                = "lambda:InvokeFunction"
        FunctionName          = output.function_name
        InvokedViaFunctionUrl = true
        Principal             = "*"
      }
    }])
    error_message = "The second permission is not for everyone, under the condition that the call comes by the URL. Without the condition Lambda's own Invoke is open to the world."
  }

  # It is given what it reads.
  assert {
    condition = jsonencode(local.environment) == jsonencode({
      AUDIT_QUEUE_URL      = aws_sqs_queue.audit.url
      CALLERS_TABLE        = "gatehouse-callers"
      CONNECT_SECONDS      = "5"
      FIRST_BYTE_SECONDS   = "120"
      GATEHOUSE_LOG        = "info"
      GATEHOUSE_LOG_FORMAT = "json"
      GEMINI_BASE_URL      = "https://generativelanguage.googleapis.com"
      GEMINI_SECRET_ARN    = aws_secretsmanager_secret.gemini_key.arn
      IDLE_SECONDS         = "60"
      LEDGER_TABLE         = "gatehouse-ledger"
      PEPPER_SECRET_ARN    = aws_secretsmanager_secret.pepper.arn
      POLICY_TABLE         = "gatehouse-policy"
      TOTAL_SECONDS        = "280"
      URL_AUTH             = "NONE"
    })
    error_message = "The function's environment is another."
  }

  # It may do this, and nothing else.
  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.completion.statement : statement.sid => [sort(statement.actions), sort(statement.resources)] }) == jsonencode({
      ReadSecrets      = [["secretsmanager:GetSecretValue"], sort([aws_secretsmanager_secret.gemini_key.arn, aws_secretsmanager_secret.pepper.arn])]
      ReadTables       = [["dynamodb:GetItem"], sort([aws_dynamodb_table.callers.arn, aws_dynamodb_table.ledger.arn, aws_dynamodb_table.policy.arn])]
      ReserveAndSettle = [["dynamodb:UpdateItem"], [aws_dynamodb_table.ledger.arn]]
      Record           = [["sqs:SendMessage"], [aws_sqs_queue.audit.arn]]
      DecryptSecrets   = [["kms:Decrypt"], [aws_kms_key.bundle.arn]]
      DecryptTables    = [["kms:Decrypt"], [aws_kms_key.bundle.arn]]
      EncryptRecords   = [["kms:Decrypt", "kms:GenerateDataKey"], [aws_kms_key.bundle.arn]]
    })
    error_message = "The function may do more, or less."
  }

  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.completion.statement :
      coalesce(statement.effect, "Allow") == "Allow" && try(length(statement.not_actions), 0) == 0 && try(length(statement.not_resources), 0) == 0
    ])
    error_message = "A statement says what it does not cover, and so covers the rest."
  }

  assert {
    condition = jsonencode({ for statement in data.aws_iam_policy_document.completion.statement : statement.sid => { for condition in statement.condition : "${condition.test} ${condition.variable}" => sort(condition.values) } if length(statement.condition) > 0 }) == jsonencode({
      DecryptSecrets = {
        "StringEquals kms:ViaService"                  = ["secretsmanager.eu-west-1.amazonaws.com"]
        "StringEquals kms:EncryptionContext:SecretARN" = sort([aws_secretsmanager_secret.gemini_key.arn, aws_secretsmanager_secret.pepper.arn])
      }
      DecryptTables = {
        "StringEquals kms:ViaService"                               = ["dynamodb.eu-west-1.amazonaws.com"]
        "StringEquals kms:EncryptionContext:aws:dynamodb:tableName" = ["gatehouse-callers", "gatehouse-ledger", "gatehouse-policy"]
      }
      EncryptRecords = {
        "StringEquals kms:ViaService"                    = ["sqs.eu-west-1.amazonaws.com"]
        "StringEquals kms:EncryptionContext:aws:sqs:arn" = [aws_sqs_queue.audit.arn]
      }
    })
    error_message = "The key may be used by other ways than the three services, or for what is not the bundle's."
  }
}

run "lets_only_the_named_roles_knock" {
  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["arn:aws:iam::123456789012:role/app", "arn:aws:iam::210987654321:role/team/other"]
  }

  assert {
    condition     = aws_lambda_function_url.completion.authorization_type == "AWS_IAM"
    error_message = "The URL is not in mode AWS_IAM."
  }

  assert {
    condition = toset([for permission in values(aws_lambda_permission.url) : join(" ", [permission.action, permission.principal, permission.function_url_auth_type])]) == toset([
      "lambda:InvokeFunctionUrl arn:aws:iam::123456789012:role/app AWS_IAM",
      "lambda:InvokeFunctionUrl arn:aws:iam::210987654321:role/team/other AWS_IAM",
    ])
    error_message = "The first permission is not for these roles alone."
  }

  assert {
    condition = toset([for resource in values(jsondecode(aws_cloudformation_stack.url_permission.template_body).Resources) : join(" ", [resource.Properties.Action, resource.Properties.Principal, tostring(resource.Properties.InvokedViaFunctionUrl)])]) == toset([
      "lambda:InvokeFunction arn:aws:iam::123456789012:role/app true",
      "lambda:InvokeFunction arn:aws:iam::210987654321:role/team/other true",
    ])
    error_message = "The second permission is not for these roles alone, by the URL alone."
  }

  # Lambda may lose one of two permissions that are added at once.
  assert {
    condition     = [for resource in values(jsondecode(aws_cloudformation_stack.url_permission.template_body).Resources) : try(resource.DependsOn, "")] == ["", keys(jsondecode(aws_cloudformation_stack.url_permission.template_body).Resources)[0]]
    error_message = "CloudFormation would add the permissions all at once."
  }
}

run "gives_the_bare_function_its_log_and_nothing_else" {
  module {
    source = "./modules/function"
  }

  variables {
    name                 = "bare"
    description          = "A function."
    zip                  = { path = "tests/completion.tftest.hcl", hash = "hash" }
    memory_mb            = 128
    timeout_seconds      = 3
    reserved_concurrency = 1
    environment          = { NAME = "value" }
    policy_json          = "{}"
    log_retention_days   = 30
    kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/1"
  }

  assert {
    condition = jsonencode([for statement in data.aws_iam_policy_document.log.statement : [sort(statement.actions), sort(statement.resources)]]) == jsonencode([
      [["logs:CreateLogStream", "logs:PutLogEvents"], ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]]
    ])
    error_message = "The function may do more than write its own log."
  }

  assert {
    condition     = length(aws_iam_role_policy.trace) == 0 && aws_lambda_function.this.tracing_config[0].mode == "PassThrough"
    error_message = "Tracing is on unasked."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/bare" && aws_cloudwatch_log_group.this.retention_in_days == 30 && aws_cloudwatch_log_group.this.kms_key_id == var.kms_key_arn
    error_message = "The log group is not the one that Lambda writes to, or keeps for ever, or in the clear."
  }

  assert {
    condition     = aws_lambda_function.this.architectures == tolist(["arm64"]) && aws_lambda_function.this.runtime == "provided.al2023"
    error_message = "Not arm64 on provided.al2023."
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 1 && aws_lambda_function.this.environment[0].variables == tomap({ NAME = "value" })
    error_message = "Concurrency or environment did not arrive."
  }
}

run "traces_when_asked" {
  module {
    source = "./modules/function"
  }

  variables {
    name                 = "traced"
    description          = "A function."
    zip                  = { path = "tests/completion.tftest.hcl", hash = "hash" }
    memory_mb            = 128
    timeout_seconds      = 3
    reserved_concurrency = 1
    environment          = {}
    policy_json          = "{}"
    log_retention_days   = 30
    kms_key_arn          = "arn:aws:kms:eu-west-1:123456789012:key/1"
    tracing              = true
  }

  assert {
    condition     = length(aws_iam_role_policy.trace) == 1 && aws_lambda_function.this.tracing_config[0].mode == "Active"
    error_message = "Tracing is off."
  }

  assert {
    condition     = jsonencode([for statement in data.aws_iam_policy_document.trace.statement : sort(statement.actions)]) == jsonencode([["xray:PutTelemetryRecords", "xray:PutTraceSegments"]])
    error_message = "The function may do more than write traces."
  }
}
