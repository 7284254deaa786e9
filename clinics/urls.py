from django.urls import path

from clinics import account, invitation_views, operator_pages, people, record, secret_pages, views

urlpatterns = [
    path("sign-in/", views.sign_in, name="sign-in"),
    path("sign-in/code/", views.sign_in_code, name="sign-in-code"),
    path("sign-out/", views.sign_out, name="sign-out"),
    path("password/", views.password_forgotten, name="password-forgotten"),
    path("password/<str:uidb64>/<str:token>/", views.password_choose, name="password-choose"),
    path("account/", account.overview, name="account"),
    path("account/password/", account.change_password, name="account-password"),
    path("account/sessions/", account.end_session, name="account-sessions"),
    path("account/second-factor/", account.set_up_second_factor, name="second-factor"),
    path("account/second-factor/recovery-codes/", account.recovery_codes, name="recovery-codes"),
    path("account/second-factor/remove/", account.remove_second_factor, name="second-factor-remove"),
    path("account/tokens/", account.revoke_token, name="account-tokens"),
    path("account/invitations/", invitation_views.own_invitations, name="account-invitations"),
    path(
        "invitation/<uuid:invitation_id>/<str:token>/",
        invitation_views.invitation_link,
        name="invitation-link",
    ),
    path("operator/clinics/", operator_pages.clinics, name="clinics"),
    path("c/<slug:clinic>/people/", people.people, name="people"),
    path("c/<slug:clinic>/webhooks/", secret_pages.webhook_secrets, name="webhook-secrets"),
    path("c/<slug:clinic>/record/", record.record, name="record"),
    path("c/<slug:clinic>/record/export.csv", record.export, name="record-export"),
]
