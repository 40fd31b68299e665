# The function polls this item and may not write it. An empty text is the policy that is built in; no item at all is a
# fault, on which the function refuses, so that deleting the item opens nothing.
resource "aws_dynamodb_table_item" "policy" {
  table_name = aws_dynamodb_table.policy.name
  hash_key   = aws_dynamodb_table.policy.hash_key

  item = jsonencode({
    id   = { S = "policy" }
    toml = { S = var.policy_file == null ? "" : file(var.policy_file) }
  })
}
