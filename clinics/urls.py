from django.urls import path

from clinics import (
    account_views,
    audit_views,
    invitation_views,
    member_views,
    operator_views,
    sign_in_views,
    webhook_secret_views,
)

urlpatterns = [
    path("sign-in/", sign_in_views.sign_in, name="sign-in"),
    path("sign-in/code/", sign_in_views.sign_in_code, name="sign-in-code"),
    path("sign-out/", sign_in_views.sign_out, name="sign-out"),
    path("password/", sign_in_views.password_forgotten, name="password-forgotten"),
    path("password/<str:uidb64>/<str:token>/", sign_in_views.password_choose, name="password-choose"),
    path("account/", account_views.overview, name="account"),
    path("account/password/", account_views.change_password, name="account-password"),
    path("account/sessions/", account_views.end_session, name="account-sessions"),
    path("account/second-factor/", account_views.set_up_second_factor, name="second-factor"),
    path("account/second-factor/recovery-codes/", account_views.recovery_codes, name="recovery-codes"),
    path("account/second-factor/remove/", account_views.remove_second_factor, name="second-factor-remove"),
    path("account/tokens/", account_views.revoke_token, name="account-tokens"),
    path("account/invitations/", invitation_views.own_invitations, name="account-invitations"),
    path(
        "invitation/<uuid:invitation_id>/<str:token>/",
        invitation_views.invitation_link,
        name="invitation-link",
    ),
    path("operator/clinics/", operator_views.clinics, name="clinics"),
    path("c/<slug:clinic>/people/", member_views.people, name="people"),
    path("c/<slug:clinic>/webhooks/", webhook_secret_views.webhook_secrets, name="webhook-secrets"),
    path("c/<slug:clinic>/record/", audit_views.record, name="record"),
    path("c/<slug:clinic>/record/export.csv", audit_views.export, name="record-export"),
]
