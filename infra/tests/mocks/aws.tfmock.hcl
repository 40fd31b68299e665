# What AWS would answer. ARNs are whole, since documents and permissions are asserted by them.

mock_data "aws_caller_identity" {
  defaults = {
    account_id = "123456789012"
  }
}

mock_data "aws_partition" {
  defaults = {
    partition = "aws"
  }
}

mock_data "aws_region" {
  defaults = {
    name = "eu-west-1"
  }
}

# The provider would refuse a random text where a policy belongs.
mock_data "aws_iam_policy_document" {
  defaults = {
    json = "{\"Version\":\"2012-10-17\",\"Statement\":[]}"
  }
}

# Each its own ARN, so that an assertion tells them apart.

override_resource {
  target = aws_kms_key.bundle
  values = {
    arn = "arn:aws:kms:eu-west-1:123456789012:key/bundle"
  }
}

override_resource {
  target = aws_kms_key.alarms
  values = {
    arn = "arn:aws:kms:eu-west-1:123456789012:key/alarms"
  }
}

override_resource {
  target = aws_dynamodb_table.callers
  values = {
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/gatehouse-callers"
  }
}

override_resource {
  target = aws_dynamodb_table.ledger
  values = {
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/gatehouse-ledger"
  }
}

override_resource {
  target = aws_dynamodb_table.policy
  values = {
    arn = "arn:aws:dynamodb:eu-west-1:123456789012:table/gatehouse-policy"
  }
}

override_resource {
  target = aws_sqs_queue.audit
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:gatehouse-audit"
  }
}

override_resource {
  target = aws_sqs_queue.audit_dead
  values = {
    arn = "arn:aws:sqs:eu-west-1:123456789012:gatehouse-audit-dead"
  }
}

override_resource {
  target = aws_secretsmanager_secret.gemini_key
  values = {
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gatehouse/gemini-key-AbCdEf"
  }
}

override_resource {
  target = aws_secretsmanager_secret.pepper
  values = {
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:gatehouse/pepper-AbCdEf"
  }
}

override_resource {
  target = aws_sns_topic.alarms
  values = {
    arn = "arn:aws:sns:eu-west-1:123456789012:gatehouse-alarms"
  }
}

override_resource {
  target = module.rotation[0].aws_lambda_function.this
  values = {
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:gatehouse-rotation"
  }
}

mock_resource "aws_cloudwatch_event_rule" {
  defaults = {
    arn = "arn:aws:events:eu-west-1:123456789012:rule/gatehouse-rotation-look"
  }
}

mock_resource "aws_iam_role" {
  defaults = {
    arn = "arn:aws:iam::123456789012:role/gatehouse-completion"
  }
}

mock_resource "aws_cloudwatch_log_group" {
  defaults = {
    arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/gatehouse-completion"
  }
}

mock_resource "aws_lambda_function" {
  defaults = {
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:gatehouse-completion"
  }
}

mock_resource "aws_cloudwatch_metric_alarm" {
  defaults = {
    arn = "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:gatehouse"
  }
}
