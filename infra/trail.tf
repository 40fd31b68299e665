# The store of record: a bucket whose objects nobody replaces, and, while the lock holds, nobody deletes.

locals {
  audit_bucket = "${var.name_prefix}-audit-${local.account}"
}

resource "aws_s3_bucket" "audit" {
  #checkov:skip=CKV_AWS_18:Who reads the trail is CloudTrail's to tell, by data events; a log in another bucket would need a trail of its own.
  #checkov:skip=CKV_AWS_144:A copy in another region or account is the operator's choice; the trail proves itself wherever it is copied to.
  #checkov:skip=CKV2_AWS_62:Nothing waits for new objects: the drain itself hands their keys on.
  bucket              = local.audit_bucket
  object_lock_enabled = var.audit_lock_mode != "off"
  force_destroy       = var.audit_lock_mode == "off" && !var.deletion_protection
}

resource "aws_s3_bucket_versioning" "audit" {
  bucket = aws_s3_bucket.audit.id

  versioning_configuration {
    status = "Enabled"
  }
}

resource "aws_s3_bucket_object_lock_configuration" "audit" {
  count = var.audit_lock_mode == "off" ? 0 : 1

  bucket = aws_s3_bucket.audit.id

  rule {
    default_retention {
      mode = var.audit_lock_mode
      days = var.audit_retention_days
    }
  }

  depends_on = [aws_s3_bucket_versioning.audit]
}

resource "aws_s3_bucket_server_side_encryption_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.bundle.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "audit" {
  bucket = aws_s3_bucket.audit.id

  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "audit" {
  bucket = aws_s3_bucket.audit.id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "audit_bucket" {
  statement {
    sid       = "NothingUnencryptedOnTheWay"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.audit.arn, "${aws_s3_bucket.audit.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }

  # The condition is that of `If-None-Match: *`: an object is made, and never replaced.
  statement {
    sid       = "NothingIsReplaced"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.audit.arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Null"
      variable = "s3:if-none-match"
      values   = ["true"]
    }
  }
}

resource "aws_s3_bucket_policy" "audit" {
  bucket = aws_s3_bucket.audit.id
  policy = data.aws_iam_policy_document.audit_bucket.json

  depends_on = [aws_s3_bucket_public_access_block.audit]
}

resource "aws_s3_bucket_lifecycle_configuration" "audit" {
  bucket = aws_s3_bucket.audit.id

  # What is asked about is recent. Digests and manifests are small and read as a whole: they stay.
  rule {
    id     = "records-grow-cold"
    status = "Enabled"

    filter {
      prefix = "records/"
    }

    transition {
      days          = 90
      storage_class = "STANDARD_IA"
    }
  }

  # With the lock gone, what was deleted goes for good.
  rule {
    id     = "remains"
    status = "Enabled"

    filter {}

    noncurrent_version_expiration {
      noncurrent_days = 30
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }

  depends_on = [aws_s3_bucket_versioning.audit]
}

# What seals the trail. The private half never leaves KMS; the sealer alone may use it.
resource "aws_kms_key" "seal" {
  #checkov:skip=CKV_AWS_7:KMS rotates no asymmetric keys, and every digest must be verified by the one key.
  description              = "${var.name_prefix}: seals the audit trail."
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "ECC_NIST_P256"
  policy                   = data.aws_iam_policy_document.seal_key.json
  deletion_window_in_days  = var.deletion_protection ? 30 : 7
}

resource "aws_kms_alias" "seal" {
  name          = "alias/${var.name_prefix}-seal"
  target_key_id = aws_kms_key.seal.key_id
}

data "aws_iam_policy_document" "seal_key" {
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
    sid     = "NobodyElseSeals"
    effect  = "Deny"
    actions = ["kms:Sign"]
    # KMS: in a key's policy `*` is the key itself.
    resources = ["*"]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "ArnNotEquals"
      variable = "aws:PrincipalArn"
      values   = ["arn:${local.partition}:iam::${local.account}:role/${local.sealer}"]
    }
  }
}

# The records as a table. Athena works the partitions out by itself: none is ever added.
resource "aws_glue_catalog_database" "audit" {
  name        = replace("${var.name_prefix}_audit", "-", "_")
  description = "Gatehouse's audit trail."
}

locals {
  audit_columns = {
    v              = "int", record_id = "string", request_id = "string", kind = "string", ts = "bigint", caller = "string"
    user           = "string", surface = "string", operation = "string", model = "string", decision = "string"
    blocked        = "boolean", blocked_reason = "string", risk_score = "int", rules = "array<string>"
    redactions     = "map<string,int>", prompt = "string", answer = "string", prompt_hmac = "string"
    tokens         = "struct<prompt:bigint,cached:bigint,candidates:bigint,thoughts:bigint,tool_use:bigint,total:bigint>"
    cost_micros    = "bigint", latency_ms = "bigint", upstream_status = "int", error = "string"
    policy_version = "string", key_version = "string", pepper_id = "string", writer_id = "string", seq = "bigint"
    prev_hash      = "string", voids = "array<struct<seq:bigint,hash:string>>", hash = "string"
  }
}

resource "aws_glue_catalog_table" "records" {
  name          = "records"
  database_name = aws_glue_catalog_database.audit.name
  description   = "A row each record, at least once: equal (writer_id, seq, hash) are one."
  table_type    = "EXTERNAL_TABLE"

  parameters = {
    "classification"              = "json"
    "projection.enabled"          = "true"
    "projection.dt.type"          = "date"
    "projection.dt.format"        = "yyyy-MM-dd"
    "projection.dt.range"         = "2026-01-01,NOW+1DAYS"
    "projection.hour.type"        = "integer"
    "projection.hour.range"       = "0,23"
    "projection.hour.digits"      = "2"
    "storage.location.template"   = "s3://${local.audit_bucket}/records/dt=$${dt}/hour=$${hour}/"
    "projection.dt.interval"      = "1"
    "projection.dt.interval.unit" = "DAYS"
  }

  partition_keys {
    name = "dt"
    type = "string"
  }

  partition_keys {
    name = "hour"
    type = "int"
  }

  storage_descriptor {
    location      = "s3://${local.audit_bucket}/records/"
    input_format  = "org.apache.hadoop.mapred.TextInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

    ser_de_info {
      serialization_library = "org.openx.data.jsonserde.JsonSerDe"
    }

    dynamic "columns" {
      for_each = local.audit_columns

      content {
        name = columns.key
        type = columns.value
      }
    }
  }
}

# Where Athena puts its answers, for a week: a bucket of its own, since in that of the trail nothing is ever deleted. The
# emulation has no workgroups, and so nothing to answer with.
locals {
  answers = var.local_endpoint == null ? { "" = "${var.name_prefix}-answers-${local.account}" } : {}
}

resource "aws_s3_bucket" "answers" {
  #checkov:skip=CKV_AWS_18:Answers are copies, and go after a week.
  #checkov:skip=CKV_AWS_21:As above.
  #checkov:skip=CKV_AWS_144:As above.
  #checkov:skip=CKV2_AWS_62:As above.
  for_each = local.answers

  bucket        = each.value
  force_destroy = true
}

resource "aws_s3_bucket_public_access_block" "answers" {
  for_each = local.answers

  bucket                  = aws_s3_bucket.answers[each.key].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_server_side_encryption_configuration" "answers" {
  for_each = local.answers

  bucket = aws_s3_bucket.answers[each.key].id

  rule {
    bucket_key_enabled = true

    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.bundle.arn
    }
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "answers" {
  for_each = local.answers

  bucket = aws_s3_bucket.answers[each.key].id

  rule {
    id     = "a-week"
    status = "Enabled"

    filter {}

    expiration {
      days = 7
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_athena_workgroup" "audit" {
  for_each = local.answers

  name          = local.workgroup
  description   = "Questions to Gatehouse's audit trail."
  force_destroy = true

  configuration {
    enforce_workgroup_configuration    = true
    publish_cloudwatch_metrics_enabled = false
    bytes_scanned_cutoff_per_query     = 100 * 1024 * 1024 * 1024

    result_configuration {
      output_location = "s3://${aws_s3_bucket.answers[each.key].bucket}/"

      encryption_configuration {
        encryption_option = "SSE_KMS"
        kms_key_arn       = aws_kms_key.bundle.arn
      }
    }
  }
}
