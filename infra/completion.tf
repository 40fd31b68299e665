locals {
  completion = "${var.name_prefix}-completion"

  # Who may knock, by the id of the statement that lets them.
  knockers = var.url_auth == "NONE" ? { public = "*" } : {
    for arn in var.allowed_principals : "role-${substr(sha256(arn), 0, 16)}" => arn
  }

  # All that the function reads, and nothing it does not.
  environment = {
    AUDIT_QUEUE_URL      = aws_sqs_queue.audit.url
    CALLERS_TABLE        = aws_dynamodb_table.callers.name
    CONNECT_SECONDS      = tostring(var.deadlines.connect)
    FIRST_BYTE_SECONDS   = tostring(var.deadlines.first_byte)
    GATEHOUSE_LOG        = var.log_level
    GATEHOUSE_LOG_FORMAT = "json"
    GEMINI_BASE_URL      = var.gemini_base_url
    GEMINI_SECRET_ARN    = aws_secretsmanager_secret.gemini_key.arn
    IDLE_SECONDS         = tostring(var.deadlines.idle)
    LEDGER_TABLE         = aws_dynamodb_table.ledger.name
    PEPPER_SECRET_ARN    = aws_secretsmanager_secret.pepper.arn
    POLICY_TABLE         = aws_dynamodb_table.policy.name
    TOTAL_SECONDS        = tostring(var.deadlines.total)
    URL_AUTH             = var.url_auth
  }
}

module "completion" {
  source = "./modules/function"

  name                 = local.completion
  description          = "Gatehouse: answers Gemini's and OpenAI's API, guarded."
  zip                  = { path = var.zip_path, hash = filebase64sha256(var.zip_path) }
  architecture         = var.architecture
  memory_mb            = var.memory_mb
  timeout_seconds      = var.timeout_seconds
  reserved_concurrency = var.reserved_concurrency
  log_retention_days   = var.log_retention_days
  kms_key_arn          = aws_kms_key.bundle.arn
  tracing              = var.tracing
  policy_json          = data.aws_iam_policy_document.completion.json
  environment          = local.environment
}

# The door. No CORS: a browser that may call holds a key that its user may read.
resource "aws_lambda_function_url" "completion" {
  function_name      = module.completion.name
  authorization_type = var.url_auth
  invoke_mode        = "RESPONSE_STREAM"
}

# The first of the two permissions that a URL needs; the second is in url_permission.tf. There is no third: nobody may
# invoke the function by Lambda's API but whom the account's own policies let.
#
# Made with NONE, the provider gives the URL a statement FunctionURLAllowPublicAccess of its own, which it neither gives
# to a URL that becomes NONE later nor ever takes back. Ours is there in both cases; the provider's outlives a change to
# AWS_IAM, where its condition never holds.
resource "aws_lambda_permission" "url" {
  for_each = local.knockers

  statement_id           = "url-${each.key}"
  function_name          = module.completion.name
  action                 = "lambda:InvokeFunctionUrl"
  principal              = each.value
  function_url_auth_type = var.url_auth

  # A function's permissions are one document, and of two that are added at the same moment Lambda may keep one. The
  # provider makes `aws_lambda_permission` wait for its like, but not for the statement that it gives the URL, nor for
  # what CloudFormation adds: so first the URL, then these, then those of the stack.
  depends_on = [aws_lambda_function_url.completion]
}

# What the function may do. Each statement names the APIs that ask for it.
data "aws_iam_policy_document" "completion" {
  statement {
    sid       = "ReadSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = [aws_secretsmanager_secret.gemini_key.arn, aws_secretsmanager_secret.pepper.arn]
  }

  statement {
    sid       = "ReadTables"
    actions   = ["dynamodb:GetItem"]
    resources = [aws_dynamodb_table.callers.arn, aws_dynamodb_table.ledger.arn, aws_dynamodb_table.policy.arn]
  }

  statement {
    sid       = "ReserveAndSettle"
    actions   = ["dynamodb:UpdateItem"]
    resources = [aws_dynamodb_table.ledger.arn]
  }

  # SendMessageBatch asks for sqs:SendMessage too.
  statement {
    sid       = "Record"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.audit.arn]
  }

  # The services ask KMS in the role's name. Each may only for what is the bundle's.
  statement {
    sid       = "DecryptSecrets"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:SecretARN"
      values   = [aws_secretsmanager_secret.gemini_key.arn, aws_secretsmanager_secret.pepper.arn]
    }
  }

  statement {
    sid       = "DecryptTables"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["dynamodb.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:dynamodb:tableName"
      values   = [aws_dynamodb_table.callers.name, aws_dynamodb_table.ledger.name, aws_dynamodb_table.policy.name]
    }
  }

  # A sender needs both: a fresh data key, and SQS checks that it can be opened again.
  statement {
    sid       = "EncryptRecords"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey"]
    resources = [aws_kms_key.bundle.arn]

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["sqs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:aws:sqs:arn"
      values   = [aws_sqs_queue.audit.arn]
    }
  }
}
