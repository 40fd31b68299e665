# Each mistake is refused before anything is planned, by the variable that it is in. A run expects all that it lists.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  url_auth             = "NONE"
  reserved_concurrency = 10
  spend_per_hour_usd   = 20
  alarm_emails         = ["oncall@example.com"]
  # Any file will do: nothing is uploaded.
  zip_path       = "tests/variables.tftest.hcl"
  drain_zip_path = "tests/variables.tftest.hcl"
}

run "refuses_what_is_not_on_the_list" {
  command = plan

  variables {
    architecture       = "aarch64"
    local_endpoint     = "https://aws.example.com:443"
    log_level          = "verbose"
    log_retention_days = 31
    region             = "Ireland"
    url_auth           = "OPEN"
  }

  expect_failures = [var.architecture, var.local_endpoint, var.log_level, var.log_retention_days, var.region, var.url_auth]
}

run "refuses_what_is_too_little" {
  command = plan

  variables {
    deadlines              = { connect = 0 }
    ledger_max_write_units = 0
    memory_mb              = 64
    reserved_concurrency   = -1
    secret_recovery_days   = 3
    spend_per_hour_usd     = 0
    thresholds             = { errors = -1 }
  }

  expect_failures = [var.deadlines, var.ledger_max_write_units, var.memory_mb, var.reserved_concurrency, var.secret_recovery_days, var.spend_per_hour_usd, var.thresholds]
}

run "refuses_what_is_too_much" {
  command = plan

  variables {
    deadlines            = { idle = 281 }
    memory_mb            = 10241
    name_prefix          = "a23456789012345678901234567890123"
    secret_recovery_days = 31
    thresholds           = { blocked_percent = 100 }
  }

  expect_failures = [var.deadlines, var.memory_mb, var.name_prefix, var.secret_recovery_days, var.thresholds]
}

run "refuses_fractions" {
  command = plan

  variables {
    deadlines              = { idle = 1.5 }
    ledger_max_write_units = 1000.5
    memory_mb              = 512.5
    reserved_concurrency   = 2.5
  }

  expect_failures = [var.deadlines, var.ledger_max_write_units, var.memory_mb, var.reserved_concurrency]
}

run "refuses_names_that_aws_would_not_take" {
  command = plan

  variables {
    alarm_emails = ["oncall"]
    name_prefix  = "Gatehouse"
    tags         = { "aws:team" = "a" }
  }

  expect_failures = [var.alarm_emails, var.name_prefix, var.tags]
}

run "refuses_files_that_are_not_there" {
  command = plan

  variables {
    policy_file = "tests/absent.toml"
    zip_path    = "../target/absent.zip"
  }

  expect_failures = [var.policy_file, var.zip_path]
}

run "refuses_a_zip_that_nobody_vouched_for" {
  command = plan

  variables {
    zip_hash = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
  }

  expect_failures = [var.zip_hash]
}

run "refuses_aws_iam_for_nobody" {
  command = plan

  variables {
    url_auth = "AWS_IAM"
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_roles_without_aws_iam" {
  command = plan

  variables {
    allowed_principals = ["arn:aws:iam::123456789012:role/app"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_everyone_as_a_role" {
  command = plan

  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["*"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_a_pattern_of_roles" {
  command = plan

  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["arn:aws:iam::123456789012:role/*"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_a_session_in_place_of_its_role" {
  command = plan

  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["arn:aws:sts::123456789012:assumed-role/app/session"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_a_user_in_place_of_a_role" {
  command = plan

  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["arn:aws:iam::123456789012:user/ada"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_a_whole_account" {
  command = plan

  variables {
    url_auth           = "AWS_IAM"
    allowed_principals = ["arn:aws:iam::123456789012:root"]
  }

  expect_failures = [var.allowed_principals]
}

run "refuses_more_than_lambdas_timeout" {
  command = plan

  variables {
    deadlines       = { total = 880 }
    timeout_seconds = 901
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_to_be_killed_before_the_outcome_is_recorded" {
  command = plan

  variables {
    timeout_seconds = 289
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_a_request_that_outlives_its_reservation" {
  command = plan

  variables {
    timeout_seconds = 341
  }

  expect_failures = [var.timeout_seconds]
}

run "refuses_an_alarm_after_the_record_is_lost" {
  command = plan

  variables {
    thresholds = { audit_age_seconds = 2700 }
  }

  expect_failures = [var.thresholds]
}

run "refuses_gemini_over_plain_http" {
  command = plan

  variables {
    gemini_base_url = "http://generativelanguage.googleapis.com"
  }

  expect_failures = [var.gemini_base_url]
}

run "refuses_gemini_on_this_machine_when_deploying_to_aws" {
  command = plan

  variables {
    gemini_base_url = "http://127.0.0.1:8080"
  }

  expect_failures = [var.gemini_base_url]
}

run "refuses_a_user_in_geminis_address" {
  command = plan

  variables {
    gemini_base_url = "https://user@generativelanguage.googleapis.com"
  }

  expect_failures = [var.gemini_base_url]
}

run "refuses_a_look_alike_of_this_machine" {
  command = plan

  variables {
    gemini_base_url = "http://127.0.0.1.example.com"
    local_endpoint  = "http://127.0.0.1:5555"
  }

  expect_failures = [var.gemini_base_url]
}
