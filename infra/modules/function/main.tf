# A function, its log group and its role. Nothing may call it and it may do nothing but write its log, until the caller
# of this module says so.

resource "aws_cloudwatch_log_group" "this" {
  #checkov:skip=CKV_AWS_338:How long logs are kept is the operator's choice. They hold no prompts; the audit trail is elsewhere.
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.kms_key_arn
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "this" {
  name               = var.name
  description        = "What ${var.name} may do."
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

# The group exists beforehand, so the right to create one, with endless retention and no key, is not given.
data "aws_iam_policy_document" "log" {
  statement {
    sid       = "WriteLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:log-stream:*"]
  }
}

resource "aws_iam_role_policy" "log" {
  name   = "log"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.log.json
}

resource "aws_iam_role_policy" "work" {
  name   = "work"
  role   = aws_iam_role.this.id
  policy = var.policy_json
}

data "aws_iam_policy_document" "trace" {
  statement {
    sid     = "WriteTraces"
    actions = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"]
    # X-Ray's PutTraceSegments and PutTelemetryRecords take no resource.
    resources = ["*"]
  }
}

resource "aws_iam_role_policy" "trace" {
  count = var.tracing ? 1 : 0

  name   = "trace"
  role   = aws_iam_role.this.id
  policy = data.aws_iam_policy_document.trace.json
}

resource "aws_lambda_function" "this" {
  #checkov:skip=CKV_AWS_116:Whoever calls sees the failure, but for the schedules: their event says only that it is time, the next says it again, and an alarm watches Errors.
  #checkov:skip=CKV_AWS_117:It talks to public APIs only. A VPC would add a NAT gateway's cost and protect nothing.
  #checkov:skip=CKV_AWS_173:The environment holds names and numbers only. Its own key would cost a KMS call at each cold start.
  #checkov:skip=CKV_AWS_272:The zip's hash is pinned by the plan; a signing profile belongs to the operator's pipeline.
  function_name = var.name
  description   = var.description
  role          = aws_iam_role.this.arn

  package_type     = "Zip"
  filename         = var.zip.path
  source_code_hash = var.zip.hash
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]

  memory_size                    = var.memory_mb
  timeout                        = var.timeout_seconds
  reserved_concurrent_executions = var.reserved_concurrency

  environment {
    variables = var.environment
  }

  tracing_config {
    mode = var.tracing ? "Active" : "PassThrough"
  }

  # The first invocation would otherwise make the group itself, or run before it may do what it must.
  depends_on = [
    aws_cloudwatch_log_group.this,
    aws_iam_role_policy.log,
    aws_iam_role_policy.work,
    aws_iam_role_policy.trace,
  ]
}
