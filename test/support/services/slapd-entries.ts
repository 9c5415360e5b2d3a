const person = (dn: string, uid: string): string => `
dn: ${dn}
objectClass: inetOrgPerson
objectClass: extensibleObject
uid: ${uid}
cn: ${uid} of example
sn: Example
mail: ${uid}@example.org
userPrincipalName: ${uid}@ad.example.org
userPassword: right
`

const group = (dn: string, name: string, ...members: readonly string[]): string => `
dn: ${dn}
objectClass: groupOfNames
cn: ${name}
${members.map((member) => `member: ${member}`).join('\n')}
`

const branch = (dn: string): string => `
dn: ${dn}
objectClass: organizationalUnit
`

const root = 'dc=example,dc=org'
export const people = `ou=people,${root}`
export const groups = `ou=groups,${root}`
/** Everybody may read what is below. */
export const open = `ou=open,${root}`
export const searcher = `cn=searcher,${root}`
/** The number of Berta's groups: `team 1` and so on. */
export const teams = 150

/**
 * Anna is in Operators, and in Everybody by way of it. Berta is in many groups. The name of Odd has what filters and
 * distinguished names escape. Below `ou=elsewhere` another server is named.
 */
export const entries = `
dn: ${root}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ${searcher}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: searcher
userPassword: search
${[people, groups, open, `ou=teams,${groups}`].map(branch).join('')}
${person(`uid=anna,${people}`, 'anna')}
${person(`uid=berta,${people}`, 'berta')}
${person(`cn=Odd (star*) \\, back\\\\slash,${people}`, 'odd').replace('cn: odd of example', 'cn: Odd (star*) , back\\slash')}
${person(`uid=clara,${open}`, 'clara')}
${group(`cn=Operators,${groups}`, 'Operators', `uid=anna,${people}`)}
${group(`cn=Everybody,${groups}`, 'Everybody', `cn=Operators,${groups}`)}
${group(`cn=Odd,${groups}`, 'Odd', `cn=Odd (star*) \\, back\\\\slash,${people}`)}
${group(`cn=Visible,${open}`, 'Visible', `uid=clara,${open}`, `uid=anna,${people}`)}
${Array.from({ length: teams }, (_, at) => group(`cn=team ${at + 1},ou=teams,${groups}`, `team ${at + 1}`, `uid=berta,${people}`)).join('')}

dn: ou=elsewhere,${people}
objectClass: referral
objectClass: extensibleObject
ou: elsewhere
ref: ldap://127.0.0.1:1/ou=elsewhere,${people}
`
