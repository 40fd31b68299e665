# The second permission of the Function URL, in a stack of CloudFormation's.
#
# Since October 2025 a URL asks for lambda:InvokeFunction beside lambda:InvokeFunctionUrl. Given bare it would also open
# the function to Lambda's own Invoke, past the URL, so it is bound to calls that come by the URL. Provider 5.100 cannot
# say so. From 6.29 on `aws_lambda_permission` has `invoked_via_function_url`: this file then becomes a second
# permission in completion.tf.
locals {
  # What the stack calls the permission of each who may knock, in the order in which they are made.
  second_permissions = [for id in keys(local.knockers) : join("", [for word in split("-", id) : title(word)])]
}

resource "aws_cloudformation_stack" "url_permission" {
  #checkov:skip=CKV_AWS_124:The stack is a permission and has no events of its own; Terraform tells how it went.
  name = "${local.completion}-url"

  template_body = jsonencode({
    AWSTemplateFormatVersion = "2010-09-09"
    Description              = "Lets those who may knock invoke ${local.completion}, by its URL only."
    Resources = {
      for place, name in local.second_permissions : name => merge(
        {
          Type = "AWS::Lambda::Permission"
          Properties = {
            FunctionName          = module.completion.name
            Action                = "lambda:InvokeFunction"
            Principal             = values(local.knockers)[place]
            InvokedViaFunctionUrl = true
          }
        },
        # One after the other: CloudFormation would add them all at once, and Lambda may then lose some.
        place == 0 ? {} : { DependsOn = local.second_permissions[place - 1] },
      )
    }
  })

  # And none beside the provider's own, for the same reason.
  depends_on = [aws_lambda_permission.url]
}
