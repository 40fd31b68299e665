output "url" {
  description = "Where the bundle answers: the base URL for Gemini's SDKs; OpenAI's take it with `/v1` behind it."
  value       = trimsuffix(aws_lambda_function_url.completion.function_url, "/")
}

output "function_name" {
  description = "The name of the function behind the URL."
  value       = module.completion.name
}

output "function_arn" {
  description = "The function's ARN, for the policies of roles in other accounts."
  value       = module.completion.arn
}

output "role_arn" {
  description = "The ARN of the role that the function runs as."
  value       = module.completion.role_arn
}

output "log_group_name" {
  description = "The name of the log group of the function."
  value       = module.completion.log_group_name
}

output "callers_table" {
  description = "The name of the table of callers."
  value       = aws_dynamodb_table.callers.name
}

output "ledger_table" {
  description = "The name of the table of what was used."
  value       = aws_dynamodb_table.ledger.name
}

output "policy_table" {
  description = "The name of the table that holds the policy."
  value       = aws_dynamodb_table.policy.name
}

output "audit_queue_url" {
  description = "The URL of the queue of audit records."
  value       = aws_sqs_queue.audit.url
}

output "audit_queue_arn" {
  description = "The ARN of the queue of audit records."
  value       = aws_sqs_queue.audit.arn
}

output "audit_dead_queue_url" {
  description = "The URL of the queue of audit records that could not be stored."
  value       = aws_sqs_queue.audit_dead.url
}

output "audit_dead_queue_arn" {
  description = "The ARN of the queue of audit records that could not be stored."
  value       = aws_sqs_queue.audit_dead.arn
}

output "gemini_secret_arn" {
  description = "The ARN of the secret that takes the key for Gemini."
  value       = aws_secretsmanager_secret.gemini_key.arn
}

output "rotation_function_name" {
  description = "The name of the function that replaces the key; null where `rotation` is not set."
  value       = one(module.rotation[*].name)
}

output "rotation_role_arn" {
  description = "The ARN of the role that it runs as, for Google's workload identity pool (google.md); null where `rotation` is not set."
  value       = one(module.rotation[*].role_arn)
}

output "pepper_secret_arn" {
  description = "The ARN of the secret that takes the pepper."
  value       = aws_secretsmanager_secret.pepper.arn
}

output "alarm_topic_arn" {
  description = "The ARN of the topic that alarms are published to."
  value       = aws_sns_topic.alarms.arn
}

output "key_arn" {
  description = "The ARN of the key that encrypts secrets, tables, queues and logs."
  value       = aws_kms_key.bundle.arn
}

output "audit_bucket" {
  description = "The name of the bucket that holds the audit trail."
  value       = aws_s3_bucket.audit.bucket
}

output "audit_database" {
  description = "The name of the database in Glue whose table `records` Athena reads the trail by."
  value       = aws_glue_catalog_database.audit.name
}

output "drain_function_name" {
  description = "The name of the function that stores audit records."
  value       = module.drain.name
}

output "sealer_function_name" {
  description = "The name of the function that seals the audit trail."
  value       = module.sealer.name
}

output "detection_function_name" {
  description = "The name of the function that tells who looks suspicious."
  value       = module.detection.name
}

output "drain_role_arn" {
  description = "The ARN of the role that the drain runs as, for Google's workload identity pool (google.md)."
  value       = module.drain.role_arn
}

output "sealing_key_arn" {
  description = "The ARN of the key that seals the audit trail; `aws kms get-public-key` gives its public half."
  value       = aws_kms_key.seal.arn
}
