# What costs money, opens a door or decides who is woken has no default.

variable "url_auth" {
  description = "Who may reach the URL: `NONE` lets everyone knock with a Gatehouse key, `AWS_IAM` lets only `allowed_principals` knock, with signed requests."
  type        = string
  nullable    = false

  validation {
    condition     = contains(["NONE", "AWS_IAM"], var.url_auth)
    error_message = "url_auth must be NONE (callers send Gatehouse keys) or AWS_IAM (callers sign with a role)."
  }
}

variable "reserved_concurrency" {
  description = "The most requests at a time, and so the brake on cost; 0 shuts the door at once. AWS takes ten times as many requests a second."
  type        = number
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= 0 && var.reserved_concurrency <= 10000 && floor(var.reserved_concurrency) == var.reserved_concurrency
    error_message = "reserved_concurrency must be a whole number from 0 to 10000. It comes out of the account's quota of concurrent executions, of which 100 must stay free."
  }
}

variable "spend_per_hour_usd" {
  description = "An alarm goes off when Gemini's price of one hour's answers passes so many dollars. It does not see what no record tells: a request whose outcome could not be stored, and what is booked when a reservation's time is up. Budgets that refuse are in the policy."
  type        = number
  nullable    = false

  validation {
    condition     = var.spend_per_hour_usd > 0
    error_message = "spend_per_hour_usd must be above 0: take what a busy hour may cost."
  }
}

variable "alarm_emails" {
  description = "Who is mailed when an alarm goes off; each address must confirm once. Empty where something else subscribes to the topic."
  type        = set(string)
  nullable    = false

  validation {
    condition     = alltrue([for email in var.alarm_emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "alarm_emails must be mail addresses, such as [\"oncall@example.com\"]."
  }
}

variable "allowed_principals" {
  description = "With `AWS_IAM`: ARNs of the roles that may reach the URL. Each must be a caller too (`gatehouse caller add NAME --role ARN`)."
  type        = set(string)
  default     = []
  nullable    = false

  validation {
    condition     = var.url_auth != "AWS_IAM" || length(var.allowed_principals) > 0
    error_message = "allowed_principals must name at least one role where url_auth is AWS_IAM; otherwise nobody could reach the URL."
  }
  validation {
    condition     = var.url_auth == "AWS_IAM" || length(var.allowed_principals) == 0
    error_message = "allowed_principals has no effect where url_auth is NONE: remove it, or set url_auth to AWS_IAM."
  }
  validation {
    condition     = alltrue([for arn in var.allowed_principals : !strcontains(arn, "*")])
    error_message = "allowed_principals must not hold `*`: name each role."
  }
  validation {
    condition     = alltrue([for arn in var.allowed_principals : !can(regex(":assumed-role/", arn))])
    error_message = "allowed_principals must be roles, not sessions: write arn:aws:iam::ACCOUNT:role/NAME for arn:aws:sts::ACCOUNT:assumed-role/NAME/SESSION."
  }
  validation {
    condition     = alltrue([for arn in var.allowed_principals : can(regex(":assumed-role/|\\*", arn)) || can(regex("^arn:aws[a-z-]*:iam::[0-9]{12}:role/[\\w+=,.@/-]+$", arn))])
    error_message = "allowed_principals must be ARNs of IAM roles: arn:aws:iam::ACCOUNT:role/NAME. A user, a group or a whole account cannot be a caller."
  }
}

variable "name_prefix" {
  description = "What the names of all resources begin with, and what `gatehouse --aws` is told. One bundle, one prefix."
  type        = string
  default     = "gatehouse"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,30}[a-z0-9]$", var.name_prefix))
    error_message = "name_prefix must be 2 to 32 lower-case letters, digits and dashes, from a letter to a letter or digit: the longest name made of it may have 64."
  }
}

variable "region" {
  description = "Where to deploy; by default the region of your AWS settings."
  type        = string
  default     = null

  validation {
    condition     = var.region == null || can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region must be the code of a region, such as eu-west-1."
  }
}

variable "zip_path" {
  description = "The function's zip, from this directory. `just package` puts it there."
  type        = string
  default     = "../target/lambda/completion/bootstrap.zip"
  nullable    = false

  validation {
    condition     = fileexists(var.zip_path)
    error_message = "zip_path names no file: run `just package` first, or name the zip that your pipeline built."
  }
}

variable "drain_zip_path" {
  description = "The zip of the drain and the sealer, from this directory. `just package` puts it there."
  type        = string
  default     = "../target/lambda/drain/bootstrap.zip"
  nullable    = false

  validation {
    condition     = fileexists(var.drain_zip_path)
    error_message = "drain_zip_path names no file: run `just package` first, or name the zip that your pipeline built."
  }
}

variable "audit_lock_mode" {
  description = "Whether objects of the audit trail are locked against deletion: `GOVERNANCE` (only who may bypass it deletes), `COMPLIANCE` (nobody does, not even the account's root) or `off`. It is decided when the bucket is made."
  type        = string
  default     = "GOVERNANCE"
  nullable    = false

  validation {
    condition     = contains(["GOVERNANCE", "COMPLIANCE", "off"], var.audit_lock_mode)
    error_message = "audit_lock_mode must be GOVERNANCE, COMPLIANCE or off. Nobody can take COMPLIANCE back before an object's time is up."
  }
}

variable "audit_retention_days" {
  description = "How many days an object of the audit trail is locked for."
  type        = number
  default     = 400
  nullable    = false

  validation {
    condition     = var.audit_retention_days >= 1 && var.audit_retention_days <= 36500 && floor(var.audit_retention_days) == var.audit_retention_days
    error_message = "audit_retention_days must be a whole number from 1 to 36500."
  }
}

variable "zip_hash" {
  description = "The base64 SHA-256 that the zip must have, where a pipeline vouches for it; by default whatever is there is deployed."
  type        = string
  default     = null

  validation {
    condition     = var.zip_hash == null || try(filebase64sha256(var.zip_path), null) == var.zip_hash
    error_message = "zip_hash is not the hash of the file at zip_path: deploy the very zip that was vouched for. `openssl dgst -sha256 -binary FILE | base64` tells a file's."
  }
}

variable "architecture" {
  description = "The instruction set that the zip was built for."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "architecture must be arm64 or x86_64, as the zip was built: `just package ARCHITECTURE`."
  }
}

variable "policy_file" {
  description = "The policy to enforce, in TOML; by default the one that is built in. `gatehouse policy check FILE` tells whether it is one."
  type        = string
  default     = null

  validation {
    condition     = var.policy_file == null || try(fileexists(var.policy_file), false)
    error_message = "policy_file names no file: `gatehouse policy show > policy.toml` writes one to begin with."
  }
  validation {
    # DynamoDB's bound on an item is 400 KB, names of attributes included. Base64 tells bytes, where length() tells characters.
    condition     = var.policy_file == null || try(length(filebase64(var.policy_file)) / 4 * 3, 0) < 390 * 1024
    error_message = "policy_file must be smaller than 390 KB: DynamoDB keeps no larger item."
  }
}

variable "memory_mb" {
  description = "The function's memory in MB; Lambda gives processor time in proportion, and bills both while Gemini is awaited."
  type        = number
  default     = 512
  nullable    = false

  validation {
    condition     = var.memory_mb >= 128 && var.memory_mb <= 10240 && floor(var.memory_mb) == var.memory_mb
    error_message = "memory_mb must be a whole number from 128 to 10240."
  }
}

variable "deadlines" {
  description = "How long to wait for Gemini, in seconds: for a connection, for a stream to begin, between two pieces of an answer, and for all of it."
  type = object({
    connect    = optional(number, 5)
    first_byte = optional(number, 120)
    idle       = optional(number, 60)
    total      = optional(number, 280)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for seconds in values(var.deadlines) : seconds >= 1 && floor(seconds) == seconds])
    error_message = "deadlines must be whole seconds, at least 1."
  }
  validation {
    condition     = alltrue([for seconds in values(var.deadlines) : seconds <= var.deadlines.total])
    error_message = "deadlines.total must be the longest: no step may take longer than the whole."
  }
}

variable "timeout_seconds" {
  description = "After so many seconds Lambda kills a request. It never comes to this: `deadlines.total` ends an answer before, with an error that clients understand."
  type        = number
  default     = 300
  nullable    = false

  validation {
    condition     = var.timeout_seconds >= 1 && var.timeout_seconds <= 900 && floor(var.timeout_seconds) == var.timeout_seconds
    error_message = "timeout_seconds must be a whole number up to 900, Lambda's bound."
  }
  validation {
    # Ten seconds to record the outcome and to settle, retries included.
    condition     = var.timeout_seconds >= var.deadlines.total + 10
    error_message = "timeout_seconds must leave 10 s after deadlines.total, to record the outcome: raise it or lower deadlines.total."
  }
  validation {
    # A reservation ends a minute after the total deadline, and must outlive the request that holds it.
    condition     = var.timeout_seconds <= var.deadlines.total + 60
    error_message = "timeout_seconds must be at most 60 s above deadlines.total: a request must not outlive what it reserved."
  }
}

variable "gemini_base_url" {
  description = "Where Gemini is."
  type        = string
  default     = "https://generativelanguage.googleapis.com"
  nullable    = false

  validation {
    condition     = can(regex("^https://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$", var.gemini_base_url)) || (var.local_endpoint != null && can(regex("^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?/?$", var.gemini_base_url)))
    error_message = "gemini_base_url must be https://HOST, without user, query or fragment: the key and every prompt go there. Only with local_endpoint may it be http on this machine."
  }
}

variable "rotation" {
  description = "How the key for Gemini is replaced; by default not at all. `keys` is `auth` (minted at Google and bound to `key_service_account`, which is what Gemini takes), `standard` (minted and bound to none) or `supplied` (you put them). The Google names come out of google.md. `schedule_expression` is UTC."
  type = object({
    keys                 = optional(string, "auth")
    google_project       = optional(string)
    google_audience      = optional(string)
    mint_service_account = optional(string)
    key_service_account  = optional(string)
    probe_model          = optional(string, "gemini-3.5-flash")
    schedule_expression  = optional(string, "cron(0 3 1 * ? *)")
    rotate_immediately   = optional(bool, false)
    google_base_url      = optional(string)
  })
  default = null

  validation {
    condition     = var.rotation == null || contains(["auth", "standard", "supplied"], try(var.rotation.keys, ""))
    error_message = "rotation.keys must be auth, standard or supplied. Gemini takes auth keys."
  }
  validation {
    condition     = try(var.rotation.keys, "supplied") == "supplied" || alltrue([for name in [try(var.rotation.google_project, null), try(var.rotation.google_audience, null), try(var.rotation.mint_service_account, null)] : name != null])
    error_message = "rotation needs google_project, google_audience and mint_service_account to mint keys: google.md makes them. Where nobody may mint, set keys = \"supplied\"."
  }
  validation {
    condition     = try(var.rotation.keys, "supplied") != "supplied" || alltrue([for name in [try(var.rotation.google_project, null), try(var.rotation.google_audience, null), try(var.rotation.mint_service_account, null), try(var.rotation.key_service_account, null)] : name == null])
    error_message = "rotation with keys = \"supplied\" asks nothing of Google: leave google_project, google_audience, mint_service_account and key_service_account out."
  }
  validation {
    condition     = (try(var.rotation.keys, "supplied") == "auth") == (try(var.rotation.key_service_account, null) != null) || try(var.rotation.keys, "supplied") == "supplied"
    error_message = "rotation.key_service_account names the account that auth keys are bound to: set it with keys = \"auth\" and leave it out with \"standard\"."
  }
  validation {
    condition     = alltrue([for account in [try(var.rotation.mint_service_account, null), try(var.rotation.key_service_account, null)] : account == null || can(regex("^[a-z0-9-]+@[a-z0-9.:-]+\\.gserviceaccount\\.com$", account))])
    error_message = "rotation's service accounts are told by e-mail, such as rotator@PROJECT.iam.gserviceaccount.com."
  }
  validation {
    condition     = try(var.rotation.google_audience, null) == null || can(regex("^//iam\\.googleapis\\.com/projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$", var.rotation.google_audience))
    error_message = "rotation.google_audience must be //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER; google.md prints it."
  }
  validation {
    # With rate() or days a rotation that was scheduled before may still begin on apply.
    condition     = var.rotation == null || can(regex("^cron\\([^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+ [^ ]+\\)$", var.rotation.schedule_expression))
    error_message = "rotation.schedule_expression must be cron(MINUTE HOUR DAY MONTH WEEKDAY YEAR) in UTC, such as cron(0 3 1 * ? *) for the first of each month at three."
  }
  validation {
    # Google counts a key as used for seven days, and keys rest for one: with less between two, there soon is no room.
    condition     = var.rotation == null || !can(regex("^cron\\([^ ]*[*/,-][^ ]* |^cron\\([^ ]+ [^ ]*[*/,-]", var.rotation.schedule_expression))
    error_message = "rotation.schedule_expression must name one minute and one hour: an old key can only go a day after it was replaced, so rotate once a day at most, and better once a month."
  }
  validation {
    condition     = var.rotation == null || can(regex("^[a-z0-9.-]+$", var.rotation.probe_model))
    error_message = "rotation.probe_model must be a model that callers may use, such as gemini-3.5-flash: new keys are tried with it."
  }
  validation {
    condition     = try(var.rotation.google_base_url, null) == null || (var.local_endpoint != null && can(regex("^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?/?$", var.rotation.google_base_url)))
    error_message = "rotation.google_base_url is for tests on this machine, with local_endpoint: leave it out."
  }
}

variable "warehouse" {
  description = "BigQuery as the audit trail's warehouse; by default none. `dataset` is PROJECT.DATASET, in which `gatehouse audit table` has made the table; `google_audience` names the provider of the workload identity pool, and `service_account` whom the drain's role may be there (google.md)."
  type = object({
    dataset         = string
    google_audience = string
    service_account = string
    google_base_url = optional(string)
  })
  default = null

  validation {
    condition     = var.warehouse == null || can(regex("^[a-z][a-z0-9:.-]{4,62}[a-z0-9]\\.[A-Za-z0-9_]+$", var.warehouse.dataset))
    error_message = "warehouse.dataset must be PROJECT.DATASET."
  }
  validation {
    condition     = var.warehouse == null || can(regex("^//iam\\.googleapis\\.com/projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$", var.warehouse.google_audience))
    error_message = "warehouse.google_audience must be //iam.googleapis.com/projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER; google.md prints it."
  }
  validation {
    condition     = var.warehouse == null || can(regex("^[a-z0-9-]+@[a-z0-9.:-]+\\.gserviceaccount\\.com$", var.warehouse.service_account))
    error_message = "warehouse.service_account is told by e-mail, such as gatehouse-audit@PROJECT.iam.gserviceaccount.com."
  }
  validation {
    condition     = try(var.warehouse.google_base_url, null) == null || (var.local_endpoint != null && can(regex("^http://(127\\.0\\.0\\.1|localhost|\\[::1\\])(:[0-9]+)?/?$", var.warehouse.google_base_url)))
    error_message = "warehouse.google_base_url is for tests on this machine, with local_endpoint: leave it out."
  }
}

variable "rotation_zip_path" {
  description = "The zip of the function that replaces the key, from this directory. `just package` puts it there. Only read where `rotation` is set."
  type        = string
  default     = "../target/lambda/rotation/bootstrap.zip"
  nullable    = false

  validation {
    condition     = var.rotation == null || fileexists(var.rotation_zip_path)
    error_message = "rotation_zip_path names no file: run `just package` first, or name the zip that your pipeline built."
  }
}

variable "log_level" {
  description = "How much the function logs. Prompts, answers and keys are never logged."
  type        = string
  default     = "info"
  nullable    = false

  validation {
    condition     = contains(["off", "error", "warn", "info", "debug", "trace"], var.log_level)
    error_message = "log_level must be off, error, warn, info, debug or trace."
  }
}

variable "log_retention_days" {
  description = "How long logs are kept."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days must be a period that CloudWatch knows: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "ledger_max_write_units" {
  description = "The most write units a second that the ledger may use, and as many read units, and so a bound on its bill. A request writes two for each of caller, end user and all that the policy bounds."
  type        = number
  default     = 4000
  nullable    = false

  validation {
    condition     = var.ledger_max_write_units >= 10 && floor(var.ledger_max_write_units) == var.ledger_max_write_units
    error_message = "ledger_max_write_units must be a whole number, at least 10; requests over it are refused."
  }
}

variable "thresholds" {
  description = "When alarms go off: more failed or throttled invocations in 5 minutes than `errors` and `throttles`, more answers with a status from 500 on than `answers_5xx`, more than `blocked_percent` of the requests blocked that were judged in 15 minutes, an audit record unread for longer than `audit_age_seconds`."
  type = object({
    errors            = optional(number, 0)
    throttles         = optional(number, 0)
    answers_5xx       = optional(number, 5)
    blocked_percent   = optional(number, 25)
    audit_age_seconds = optional(number, 1800)
  })
  default  = {}
  nullable = false

  validation {
    condition     = alltrue([for threshold in values(var.thresholds) : threshold >= 0])
    error_message = "thresholds must be 0 or more."
  }
  validation {
    condition     = var.thresholds.blocked_percent > 0 && var.thresholds.blocked_percent < 100
    error_message = "thresholds.blocked_percent must lie between 0 and 100."
  }
  validation {
    condition     = var.thresholds.audit_age_seconds < 2700
    error_message = "thresholds.audit_age_seconds must be below 2700: SQS counts the age of no record that was received three times, which takes three quarters of an hour."
  }
}

variable "tracing" {
  description = "Whether X-Ray traces requests."
  type        = bool
  default     = false
  nullable    = false
}

variable "secret_recovery_days" {
  description = "How long a destroyed secret can be brought back; 0 destroys it at once, and frees its name."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = var.secret_recovery_days == 0 || (var.secret_recovery_days >= 7 && var.secret_recovery_days <= 30 && floor(var.secret_recovery_days) == var.secret_recovery_days)
    error_message = "secret_recovery_days must be 0 or a whole number from 7 to 30."
  }
}

variable "deletion_protection" {
  description = "Whether DynamoDB refuses to delete the tables, and KMS waits 30 days rather than 7. Set it to false and apply, before you destroy."
  type        = bool
  default     = true
  nullable    = false
}

variable "tags" {
  description = "Tags for every resource, beside those that tell the bundle."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = length(var.tags) <= 40 && alltrue([for name in keys(var.tags) : !startswith(lower(name), "aws:")])
    error_message = "tags must be at most 40, and no name may begin with `aws:`, which is AWS's own."
  }
}

variable "local_endpoint" {
  description = "The address of an AWS emulation on this machine, for tests. It only makes the provider patient with one: AWS_ENDPOINT_URL leads there."
  type        = string
  default     = null

  validation {
    condition     = var.local_endpoint == null || can(regex("^http://(127\\.0\\.0\\.1|localhost|\\[::1\\]):[0-9]+/?$", var.local_endpoint))
    error_message = "local_endpoint must be http on this machine, with a port, such as http://127.0.0.1:5555. Leave it out to deploy to AWS."
  }
}
