output "certificate_arn" {
  description = "The certificate, once it is valid"
  value       = aws_acm_certificate_validation.this.certificate_arn
}
