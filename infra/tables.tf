# Who may call. Written by `gatehouse caller`, read by the function.
resource "aws_dynamodb_table" "callers" {
  name                        = "${var.name_prefix}-callers"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.bundle.arn
  }
}

# What each caller, end user and all together have used. An item is a subject in a window, and lapses some time after it.
resource "aws_dynamodb_table" "ledger" {
  name                        = "${var.name_prefix}-ledger"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "subject"
  range_key                   = "window"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "subject"
    type = "S"
  }

  attribute {
    name = "window"
    type = "N"
  }

  # A ceiling on the bill. Over it DynamoDB throttles, and requests are refused as the policy says.
  on_demand_throughput {
    max_read_request_units  = var.ledger_max_write_units
    max_write_request_units = var.ledger_max_write_units
  }

  ttl {
    attribute_name = "expires"
    enabled        = true
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.bundle.arn
  }
}

# The policy in force: one item, see policy.tf.
resource "aws_dynamodb_table" "policy" {
  name                        = "${var.name_prefix}-policy"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = var.deletion_protection

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }

  server_side_encryption {
    enabled     = true
    kms_key_arn = aws_kms_key.bundle.arn
  }
}
