variable "name" {
  description = "The function's name; its role and its log group carry it too."
  type        = string
  nullable    = false
}

variable "description" {
  description = "One line on what the function does, for whoever meets it in the console."
  type        = string
  nullable    = false
}

variable "zip" {
  description = "The zip to deploy, and the base64 SHA-256 of it that tells one build from the next."
  type        = object({ path = string, hash = string })
  nullable    = false
}

variable "architecture" {
  description = "The instruction set that the zip was built for."
  type        = string
  default     = "arm64"
  nullable    = false
}

variable "memory_mb" {
  description = "Memory in MB; Lambda gives processor time in proportion."
  type        = number
  nullable    = false
}

variable "timeout_seconds" {
  description = "After so many seconds Lambda kills an invocation."
  type        = number
  nullable    = false
}

variable "reserved_concurrency" {
  description = "The most invocations at a time."
  type        = number
  nullable    = false
}

variable "environment" {
  description = "What the function reads from its environment. Never a secret: names and ARNs of them."
  type        = map(string)
  nullable    = false
}

variable "policy_json" {
  description = "What the function may do beyond writing its log, as a rendered policy document."
  type        = string
  nullable    = false
}

variable "log_retention_days" {
  description = "How long the log is kept."
  type        = number
  nullable    = false
}

variable "kms_key_arn" {
  description = "The key that encrypts the log."
  type        = string
  nullable    = false
}

variable "tracing" {
  description = "Whether invocations are traced by X-Ray."
  type        = bool
  default     = false
  nullable    = false
}
