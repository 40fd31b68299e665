# One key for what the bundle keeps, one for the alarms' topic: CloudWatch must be able to use the second, and has no
# business with the first.

data "aws_iam_policy_document" "bundle_key" {
  #checkov:skip=CKV_AWS_109:A key's policy must leave the account in charge of the key, or nobody is.
  #checkov:skip=CKV_AWS_111:As above.
  #checkov:skip=CKV_AWS_356:In a key's policy `*` is that key.
  statement {
    sid     = "AccountDecidesByItsPolicies"
    actions = ["kms:*"]
    # KMS: in a key's policy `*` is the key itself.
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  statement {
    sid     = "LogGroupsOfTheBundle"
    actions = ["kms:Decrypt", "kms:Describe*", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"]
    # KMS: in a key's policy `*` is the key itself.
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["logs.${local.region}.amazonaws.com"]
    }

    condition {
      test     = "ArnLike"
      variable = "kms:EncryptionContext:aws:logs:arn"
      values   = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name_prefix}-*"]
    }
  }
}

resource "aws_kms_key" "bundle" {
  description             = "${var.name_prefix}: secrets, tables, queues and logs."
  policy                  = data.aws_iam_policy_document.bundle_key.json
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_protection ? 30 : 7
}

resource "aws_kms_alias" "bundle" {
  name          = "alias/${var.name_prefix}"
  target_key_id = aws_kms_key.bundle.key_id
}

data "aws_iam_policy_document" "alarm_key" {
  #checkov:skip=CKV_AWS_109:A key's policy must leave the account in charge of the key, or nobody is.
  #checkov:skip=CKV_AWS_111:As above.
  #checkov:skip=CKV_AWS_356:In a key's policy `*` is that key.
  statement {
    sid     = "AccountDecidesByItsPolicies"
    actions = ["kms:*"]
    # KMS: in a key's policy `*` is the key itself.
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
  }

  # Without this an alarm changes its state and tells nobody: CloudWatch cannot publish to a topic whose key it may not use.
  statement {
    sid     = "AlarmsReachTheTopic"
    actions = ["kms:Decrypt", "kms:GenerateDataKey*"]
    # KMS: in a key's policy `*` is the key itself.
    resources = ["*"]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_kms_key" "alarms" {
  description             = "${var.name_prefix}: the topic of the alarms."
  policy                  = data.aws_iam_policy_document.alarm_key.json
  enable_key_rotation     = true
  deletion_window_in_days = var.deletion_protection ? 30 : 7
}

resource "aws_kms_alias" "alarms" {
  name          = "alias/${var.name_prefix}-alarms"
  target_key_id = aws_kms_key.alarms.key_id
}
